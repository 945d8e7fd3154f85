#!/bin/bash
# refbench {{.Command}} on Slurm: {{.What}}.
# It was written by: {{.Written}}
#
#   bash job.sh          submits all of it, and a job that {{.Then}} when all have ended
#   sbatch job.sh        submits {{.Alone}} alone
#   bash job.sh finish   {{.Then}} now, from what is there
#
# Submit it again after a time limit, a node that failed or a full disk: what is finished is
# never done again. Exit status 1 of a job means that something was found, 3 that it
# has something left to do; its log says what.
#SBATCH --job-name=refbench-{{.Command}}
#SBATCH --array=1-{{.Array}}{{if .AtOnce}}%{{.AtOnce}}{{end}}
#SBATCH --nodes=1
#SBATCH --ntasks=1
{{- if .Measures}}
# Nobody else may use the node while it is measured.
#SBATCH --exclusive
{{- else}}
#SBATCH --cpus-per-task={{.CPUs}}
{{- end}}
# After preemption Slurm begins a job again, and it goes on where it was. First comes
# SIGTERM: refbench then writes what is finished, and ends.
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:TERM@60
#SBATCH --output={{.Dir}}/log/%A-%a.txt
{{- range .Options}}
#SBATCH {{.}}
{{- end}}
set -u

dir={{.Dir}}       # on storage that all nodes share
refbench={{.Program}}    # the same program everywhere
id={{.ID}}               # of what is done in dir

work=({{.Work}})

fail() {
	echo "job.sh: $*" >&2
	exit 3
}

submit() {
	command -v sbatch >/dev/null || fail "there is no sbatch here: run this where jobs are submitted"
	version=$(sbatch --version)
	version=${version##* } # "slurm 22.05.8" or "slurm-wlm 22.05.8"
	IFS=. read -r year month _ <<<"$version"
	[ $((10#$year * 100 + 10#$month)) -ge 2002 ] || fail "Slurm $version is too old, this needs 20.02 (it was tested with 22.05): update Slurm, or start the commands of this script by hand"
	mkdir -p "$dir/log" || fail "$dir can't be made: name another folder with --dir"
	[ ! -e "$dir/id" ] || [ "$(cat "$dir/id")" = "$id" ] || fail "$dir is of other work: name another folder with --dir"
	echo "$id" >"$dir/id" || fail "$dir can't be written to"
	cmp -s "$0" "$dir/job.sh" || cp "$0" "$dir/job.sh"
	jobs=
{{- if .Kinds}}
	# An array for each kind of machine. Whose name is whose stands in the folder's name.
{{- range .Kinds}}
	job=$(sbatch --parsable {{.Option}} --export=ALL,REFBENCH_KIND={{.Name}} "$dir/job.sh") || fail "sbatch refuses {{.Name}}"
	jobs=$jobs:${job%%;*}
{{- end}}
{{- else}}
	job=$(sbatch --parsable "$dir/job.sh") || fail "sbatch refuses it"
	jobs=:${job%%;*}
{{- end}}
	echo "submitted: ${jobs#:}"
	job=$(sbatch --parsable --job-name=refbench-finish --nodes=1 --ntasks=1 --open-mode=append \
		--output="$dir/finish.txt" --dependency="afterany$jobs"{{range .FinishOptions}} {{.}}{{end}} \
		--wrap="bash $dir/job.sh finish") || fail "sbatch refuses the job that {{.Then}}: run bash job.sh finish when all have ended"
	echo "then: ${job%%;*}, into $dir/finish.txt"
}

task() {
	[ "$(cat "$dir/id" 2>/dev/null)" = "$id" ] || fail "${SLURMD_NODENAME:-$(hostname)}: $dir isn't the folder that this was submitted from: is it on storage that all nodes share?"
	command -v "$refbench" >/dev/null || fail "${SLURMD_NODENAME:-$(hostname)}: there is no $refbench: put it where all nodes see it, and name it with --program"
{{- if .Measures}}
	results=$dir/${REFBENCH_KIND:-any}-${SLURMD_NODENAME:-$(hostname -s)}-$SLURM_ARRAY_TASK_ID/results.txt
	if [ -s "$results" ]; then
		exec "$refbench" run --resume "$results"
	fi
	mkdir -p "${results%/*}" || fail "${SLURMD_NODENAME:-$(hostname)}: ${results%/*} can't be made"
	exec "$refbench" "${work[@]}" -o "$results"
{{- else}}
	export GOMAXPROCS=${SLURM_CPUS_PER_TASK:-{{.CPUs}}}
	exec "$refbench" "${work[@]}" --shard "$SLURM_ARRAY_TASK_ID/{{.Array}}"{{if .Jobs}} {{.Jobs}} "$GOMAXPROCS"{{end}} \
		--resume -o "$dir/shard-$SLURM_ARRAY_TASK_ID-of-{{.Array}}.json"
{{- end}}
}

finish() {
{{- if .Measures}}
	exec "$refbench" report "$dir"/*/results.txt -o "$dir/report"
{{- else}}
	exec "$refbench" merge "$dir"/shard-*-of-{{.Array}}.json -o "$dir/merged.json"
{{- end}}
}

if [ "${1:-}" = finish ]; then
	finish
elif [ -n "${SLURM_ARRAY_TASK_ID:-}" ]; then
	task
else
	submit
fi
