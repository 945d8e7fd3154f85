//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/refbench/refbench/fuzz/shard"
	"github.com/refbench/refbench/workloads/bench"
)

// slurmTools are what a cluster on this machine takes.
var slurmTools = []string{"munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "scancel"}

// A slurm is a cluster of four nodes on this machine: a real slurmctld, slurmd and munged.
type slurm struct {
	t   *testing.T
	dir string
	bin string // refbench
}

// without ends a test for which something is missing: as a failure where REFBENCH_SLURM is
// "required".
func without(t *testing.T, format string, args ...any) {
	t.Helper()
	why := fmt.Sprintf(format, args...)
	if os.Getenv("REFBENCH_SLURM") == "required" {
		t.Fatalf("REFBENCH_SLURM=required, but %s", why)
	}
	t.Skipf("%s: install slurmctld, slurmd, slurm-client and munge, and run this as root", why)
}

// newSlurm starts one. Where REFBENCH_SLURM is "required" its absence is a failure.
func newSlurm(t *testing.T) *slurm {
	if testing.Short() {
		t.Skip("it starts a cluster, half a minute: run without -short")
	}
	missing := func(format string, args ...any) { without(t, format, args...) }
	// Debian has them where only root looks.
	t.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin:/sbin")
	for _, tool := range slurmTools {
		if _, err := exec.LookPath(tool); err != nil {
			missing("there is no %s", tool)
		}
	}
	if os.Getuid() != 0 {
		missing("slurmd runs jobs as root only")
	}
	// A short name, as that of a socket has to be.
	dir, err := os.MkdirTemp("", "slurm")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			for _, name := range []string{"ctld.log", "node1.log"} {
				text, _ := os.ReadFile(filepath.Join(dir, name))
				t.Logf("%s:\n%.4000s", name, text[max(0, len(text)-4000):])
			}
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	s := &slurm{t: t, dir: dir}
	for _, d := range []string{"state", "spool", "bin", "munge"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// The test's program is a refbench if it is called so.
	s.bin = filepath.Join(dir, "bin", "refbench")
	if err := exec.Command("cp", exe, s.bin).Run(); err != nil {
		t.Fatal(err)
	}
	key := make([]byte, 1024)
	rng := rand.New(rand.NewPCG(uint64(os.Getpid()), uint64(time.Now().UnixNano())))
	for i := range key {
		key[i] = byte(rng.Uint32())
	}
	ports := freePorts(t, 5)
	socket := filepath.Join(dir, "munge", "socket")
	conf := fmt.Sprintf(`ClusterName=tests
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort=%d
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=%s,cred_expire=5
StateSaveLocation=%[3]s/state
SlurmdSpoolDir=%[3]s/spool/%%n
SlurmctldPidFile=%[3]s/ctld.pid
SlurmdPidFile=%[3]s/%%n.pid
SlurmctldLogFile=%[3]s/ctld.log
SlurmdLogFile=%[3]s/%%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ReturnToService=2
MessageTimeout=100
SlurmdTimeout=3600
TCPTimeout=30
BatchStartTimeout=600
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=1,batch_sched_delay=0,sched_min_interval=0,bf_interval=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
MpiDefault=none
`, ports[0], socket, dir)
	for i, feature := range []string{"old", "old", "new", "new"} {
		conf += fmt.Sprintf("NodeName=node%d NodeHostname=localhost NodeAddr=127.0.0.1 Port=%d CPUs=2 Feature=%s State=UNKNOWN\n", i+1, ports[i+1], feature)
	}
	conf += "PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP PriorityTier=1\n"
	conf += "PartitionName=urgent Nodes=ALL MaxTime=INFINITE State=UP PriorityTier=10 PreemptMode=OFF\n"
	for name, text := range map[string]string{"slurm.conf": conf, "cgroup.conf": "", "munge/key": string(key)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("SLURM_CONF", filepath.Join(dir, "slurm.conf"))
	t.Setenv("PATH", filepath.Dir(s.bin)+":"+os.Getenv("PATH"))
	setCommit(t)
	s.daemon("munged", "--foreground", "--force", "--key-file="+filepath.Join(dir, "munge/key"), "--socket="+socket,
		"--pid-file="+filepath.Join(dir, "munge/pid"), "--log-file="+filepath.Join(dir, "munge/log"), "--seed-file="+filepath.Join(dir, "munge/seed"))
	s.until("munged answers", func() bool { _, err := os.Stat(socket); return err == nil })
	s.daemon("slurmctld", "-D", "-c", "-i")
	for i := range 4 {
		s.daemon("slurmd", "-D", "-N", fmt.Sprintf("node%d", i+1))
	}
	t.Cleanup(func() {
		_ = exec.Command("scancel", "--user=root").Run()
		s.empty()
	})
	s.until("all nodes are idle", func() bool {
		out, err := exec.Command("sinfo", "-h", "-p", "all", "-t", "idle", "-o", "%D").Output()
		return err == nil && strings.TrimSpace(string(out)) == "4"
	})
	return s
}

func freePorts(t *testing.T, n int) (ports []int) {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

// daemon starts a program of the cluster, which ends with the test.
func (s *slurm) daemon(name string, args ...string) {
	cmd := exec.Command(name, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // if the test is killed
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		late := time.AfterFunc(longest, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait()
		late.Stop()
		if s.t.Failed() {
			s.t.Logf("%s %v:\n%.2000s", name, args, out.String())
		}
	})
}

func (s *slurm) until(what string, ready func() bool) {
	s.t.Helper()
	for begin := time.Now(); !ready(); time.Sleep(100 * time.Millisecond) {
		if time.Since(begin) > longest {
			queue, _ := exec.Command("squeue").CombinedOutput()
			s.t.Fatalf("not after %v: %s\n%s", longest, what, queue)
		}
	}
}

// do runs a command, which must end with the status, and returns what it printed.
func (s *slurm) do(status int, name string, args ...string) string {
	s.t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = s.dir
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != status {
		s.t.Fatalf("%s %v: %v, want status %d\n%s", name, args, err, status, out)
	}
	return string(out)
}

// running returns the tasks of arrays that run, as 12_3.
func (s *slurm) running() []string {
	return strings.Fields(s.do(0, "squeue", "-h", "-r", "-t", "R", "-o", "%i"))
}

// empty waits until no job is left. What was requeued needn't wait as long as a node that has
// failed would need, but two seconds: in the one in which it was ended, slurmd takes no new
// credential for it and lets it fail.
func (s *slurm) empty() {
	s.t.Helper()
	hurried := make(map[string]time.Time)
	s.until("no job is left", func() bool {
		out, err := exec.Command("squeue", "-h", "-r", "-o", "%i %r").Output()
		for line := range strings.Lines(string(out)) {
			if id, why, _ := strings.Cut(strings.TrimSpace(line), " "); why == "BeginTime" && time.Since(hurried[id]) > 10*time.Second {
				hurried[id] = time.Now()
				_ = exec.Command("scontrol", "update", "JobId="+id, "StartTime=now+2").Run()
			}
		}
		return err == nil && len(bytes.TrimSpace(out)) == 0
	})
}

// script writes a job script.
func (s *slurm) script(name string, args ...string) string {
	s.t.Helper()
	text := s.do(0, s.bin, append([]string{"slurm"}, args...)...)
	file := filepath.Join(s.dir, name)
	if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
		s.t.Fatal(err)
	}
	return file
}

// logs is what the jobs of a folder have logged.
func (s *slurm) logs(dir string) string {
	s.t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "log", "*"))
	if err != nil {
		s.t.Fatal(err)
	}
	var all []byte
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			s.t.Fatal(err)
		}
		all = append(all, text...)
	}
	return string(all)
}

// finished counts lines of progress in the logs, each of a task that is done, by what they say.
func (s *slurm) finished(dir string) map[string]int {
	count := make(map[string]int)
	for _, m := range regexp.MustCompile(`(?m)^\d+ of \d+: (.* part \d+ of \d+): passed$`).FindAllStringSubmatch(s.logs(dir), -1) {
		count[m[1]]++
	}
	return count
}

// stop stops the processes of this cluster's refbench that have begun a file whose name begins
// so, and says how many there were.
func (s *slurm) stop(file string) (n int) {
	names, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		s.t.Fatal(err)
	}
	for _, name := range names {
		text, _ := os.ReadFile(name) // of one that has just ended there is nothing
		words := strings.Split(string(text), "\x00")
		i := slices.IndexFunc(words, func(w string) bool { return strings.HasPrefix(w, file) })
		if words[0] != s.bin || i < 0 {
			continue
		}
		if _, err := os.Stat(words[i]); err != nil {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		if err == nil && syscall.Kill(pid, syscall.SIGSTOP) == nil {
			n++
		}
	}
	return n
}

// resumed says how often the shard of a file went on.
func (s *slurm) resumed(file string) (n int) {
	s.t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		s.t.Fatal(err)
	}
	var f struct{ Done []shard.Part }
	if err := json.Unmarshal(data, &f); err != nil {
		s.t.Fatalf("%s: %v", file, err)
	}
	for _, d := range f.Done {
		n += d.Resumed
	}
	return n
}

// wantText checks what stands in a file.
func (s *slurm) wantText(file string, want ...string) {
	s.t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, w := range want {
		if !strings.Contains(string(text), w) {
			s.t.Errorf("%s: want %q in:\n%s", file, w, text)
		}
	}
}

// results are the results of a file of shards, without times.
func (s *slurm) results(file string) string {
	s.t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		s.t.Fatal(err)
	}
	var f struct {
		Results []map[string]any `json:"results"`
	}
	if err := json.Unmarshal(data, &f); err != nil {
		s.t.Fatalf("%s: %v", file, err)
	}
	for _, r := range f.Results {
		delete(r, "seconds")
	}
	text, err := json.MarshalIndent(f.Results, "", " ")
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}

// slurmTimes is how often what is left to chance is tried: REFBENCH_SLURM_TIMES, or once.
func slurmTimes() int {
	n, err := strconv.Atoi(os.Getenv("REFBENCH_SLURM_TIMES"))
	if err != nil {
		return 1
	}
	return n
}

// TestSlurm runs campaigns and sweeps on a cluster, on which nearly everything goes wrong.
func TestSlurm(t *testing.T) {
	s := newSlurm(t)
	explore := []string{"--strategy", "atomic,percpu", "--workload", "count,getput", "--search", "dfs", "--bound", "-1", "--executions", "24000"}
	alone := filepath.Join(s.dir, "alone.json")
	s.do(0, s.bin, append([]string{"explore", "--shard", "1/1", "--parts", "8", "-o", alone}, explore...)...)
	want := s.results(alone)

	t.Run("requeued", func(t *testing.T) {
		s.t = t
		seed := uint64(time.Now().UnixNano())
		rng := rand.New(rand.NewPCG(seed, 0))
		for i := range slurmTimes() {
			dir := filepath.Join(s.dir, fmt.Sprintf("requeued%d", i))
			job := s.script("job.sh", append([]string{"explore", "--dir", dir, "--program", s.bin, "--shards", "8", "--"}, explore...)...)
			s.do(0, "bash", job)
			after := 1 + rng.IntN(16) // tasks of 32
			for range 2 {
				s.until("something is finished", func() bool { return len(s.finished(dir)) >= after || len(s.running()) == 0 })
				if running := s.running(); len(running) > 0 {
					// Who is to end just now can't be requeued any more.
					_ = exec.Command("scontrol", "requeue", running[rng.IntN(len(running))]).Run()
				}
				after += 4
			}
			s.empty()
			if got := s.results(filepath.Join(dir, "merged.json")); got != want {
				t.Fatalf("seed %d, time %d: merged of 8 shards:\n%s\nwant those of one that does all:\n%s", seed, i, got, want)
			}
			tasks := s.finished(dir)
			for what, n := range tasks {
				if n != 1 {
					t.Errorf("seed %d, time %d: %s was done %d times", seed, i, what, n)
				}
			}
			if len(tasks) != 5*8 {
				t.Errorf("seed %d, time %d: %d tasks are done, want %d", seed, i, len(tasks), 5*8)
			}
			s.wantText(filepath.Join(dir, "finish.txt"), "8 of 8 shards of refbench explore: 5 items, 0 findings")
		}
	})

	t.Run("preempted", func(t *testing.T) {
		s.t = t
		var dir string
		stopped := 0
		const tries = 5
		for try := 1; stopped == 0; try++ {
			if try > tries {
				t.Fatalf("%d times all shards had ended before one could be stopped", tries)
			}
			dir = filepath.Join(s.dir, fmt.Sprintf("preempted%d", try))
			job := s.script("job.sh", append([]string{"explore", "--dir", dir, "--program", s.bin, "--shards", "8", "--"}, explore...)...)
			s.do(0, "bash", job)
			s.until("something is finished", func() bool { return len(s.finished(dir)) > 0 })
			// Who is stopped can't end before Slurm lets it go on, which it does to tell it to end.
			stopped = s.stop(filepath.Join(dir, "shard-"))
		}
		s.do(0, "sbatch", "--partition=urgent", "--nodes=4", "--exclusive", "--output="+filepath.Join(dir, "urgent.txt"), "--wrap=echo urgent")
		s.empty()
		s.wantText(filepath.Join(dir, "urgent.txt"), "urgent")
		logs := s.logs(dir)
		resumed := 0
		for i := 1; i <= 8; i++ {
			resumed += s.resumed(filepath.Join(dir, fmt.Sprintf("shard-%d-of-8.json", i)))
		}
		preempted, told := strings.Count(logs, "DUE TO PREEMPTION"), strings.Count(logs, "refbench: interrupted")
		if resumed < stopped || preempted < stopped || told == 0 {
			t.Errorf("%d shards were stopped; %d were preempted, and %d went on later: want all of them; %d ended since they were told to, want some:\n%s", stopped, preempted, resumed, told, logs)
		}
		if got := s.results(filepath.Join(dir, "merged.json")); got != want {
			t.Errorf("merged of 8 shards:\n%s\nwant those of one that does all:\n%s", got, want)
		}
		tasks := s.finished(dir)
		for what, n := range tasks {
			if n != 1 {
				t.Errorf("%s was done %d times", what, n)
			}
		}
		if len(tasks) != 5*8 {
			t.Errorf("%d tasks are done, want %d", len(tasks), 5*8)
		}
		s.wantText(filepath.Join(dir, "finish.txt"), "8 of 8 shards of refbench explore: 5 items, 0 findings")
	})

	t.Run("drained and cancelled", func(t *testing.T) {
		s.t = t
		dir := filepath.Join(s.dir, "drained")
		job := s.script("job.sh", append([]string{"explore", "--dir", dir, "--program", s.bin, "--shards", "8", "--"}, explore...)...)
		s.do(0, "scontrol", "update", "NodeName=node1", "State=DRAIN", "Reason=test")
		defer s.do(0, "scontrol", "update", "NodeName=node1", "State=RESUME")
		// Two shards never begin, since the nodes that are left have room for six, and are
		// cancelled.
		s.do(0, "bash", job)
		s.until("shards begin", func() bool { return len(s.running()) > 0 })
		array := strings.Split(s.running()[0], "_")[0]
		s.do(0, "scancel", array+"_8")
		s.empty()
		s.wantText(filepath.Join(dir, "finish.txt"), "is missing: 8 of 8: run it, and merge again", "7 of 8 parts are here")
		text, err := os.ReadFile(filepath.Join(dir, "finish.txt"))
		if err != nil || strings.Contains(strings.ToLower(string(text)), "exhaustive") {
			t.Errorf("without a shard something is called exhaustive (%v):\n%s", err, text)
		}
		// Once more does what is left.
		s.do(0, "bash", job)
		s.empty()
		if got := s.results(filepath.Join(dir, "merged.json")); got != want {
			t.Errorf("merged:\n%s\nwant:\n%s", got, want)
		}
		// Other work can't take the folder.
		other := s.script("other.sh", append([]string{"explore", "--dir", dir, "--program", s.bin, "--shards", "4", "--"}, explore...)...)
		if out := s.do(3, "bash", other); !strings.Contains(out, "is of other work: name another folder with --dir") {
			t.Errorf("other work in the same folder: %s", out)
		}
	})

	t.Run("a sweep with a full disk", func(t *testing.T) {
		s.t = t
		dir := filepath.Join(s.dir, "sweep")
		job := s.script("job.sh", "run", "--dir", dir, "--program", s.bin, "--nodelist", "node2,node3", "--",
			"--strategy", "atomic,saturating", "--workload", "getput", "--cpus", "1", "--rounds", "6", "--time", "5ms", "--checked", "1ms", "--seed", "1")
		full := filepath.Join(dir, "node2-node2-1")
		if err := os.MkdirAll(full, 0o777); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Mount("none", full, "tmpfs", 0, "size=4k"); err != nil {
			without(t, "no file system can be mounted here: %v", err)
		}
		s.do(0, "bash", job)
		s.empty()
		if err := syscall.Unmount(full, syscall.MNT_DETACH); err != nil {
			t.Fatal(err)
		}
		if all := s.logs(dir); !strings.Contains(all, "no space left on device") {
			t.Errorf("nobody says that the disk is full:\n%s", all)
		}
		results := filepath.Join(dir, "node3-node3-1", "results.txt")
		runs, err := bench.ReadFacts(bench.FactsPath(results))
		if err != nil || len(runs) != 1 || runs[0].Cells < 2 || runs[0].Samples != runs[0].Cells*6 {
			t.Errorf("%s: %+v, %v; want 6 samples of each cell", results, runs, err)
		}
		s.wantText(results, "\nnode: node3\n")
		if _, err := os.Stat(filepath.Join(dir, "report", "report.html")); err != nil {
			t.Errorf("there is no report of the node that has measured: %v", err)
		}
	})
}

// TestCluster: the page for who has a cluster is run as it is written. Commands begin with a
// dollar sign, and below each stand parts of its output, in order, and its exit status if that
// isn't 0.
func TestCluster(t *testing.T) {
	s := newSlurm(t)
	shared := filepath.Join(s.dir, "shared")
	if err := os.Mkdir(shared, 0o777); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SHARED", shared)
	text, err := os.ReadFile("CLUSTER.md")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, m := range regexp.MustCompile("(?s)```console\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		for _, command := range strings.Split("\n"+m[1], "\n$ ")[1:] {
			line, wants, _ := strings.Cut(command, "\n")
			n++
			c := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", line)
			c.Dir = s.dir
			saysAsWritten(t, c, line, wants)
		}
	}
	if n < 14 {
		t.Errorf("%d commands, want those of the page", n)
	}
}
