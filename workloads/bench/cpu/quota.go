package cpu

import (
	"bufio"
	"bytes"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Quota returns the tightest CPU limit of the cgroups that the process is in,
// in CPUs, and the file that sets it; 0 and "" if there is none.
//
// Version 2 keeps "quota period" in cpu.max (Linux
// Documentation/admin-guide/cgroup-v2.rst), version 1 cpu.cfs_quota_us and
// cpu.cfs_period_us (Documentation/scheduler/sched-bwc.rst). A limit holds for
// all groups below, so every group up to the mount point is looked at.
func Quota(root fs.FS) (cpus float64, file string) {
	groups, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return 0, ""
	}
	mounts, err := fs.ReadFile(root, "proc/self/mountinfo")
	if err != nil {
		return 0, ""
	}
	for _, m := range parseMounts(mounts) {
		group, ok := groupOf(groups, m.v2)
		if !ok {
			continue
		}
		// In a container the mount shows only a part of the hierarchy:
		// m.root is the group that appears as the mount point.
		rel := strings.TrimPrefix(group, m.root)
		if m.root != "/" && rel == group {
			rel = ""
		}
		for dir := path.Join("/", rel); ; dir = path.Dir(dir) {
			limit, name := readQuota(root, strings.TrimPrefix(path.Join(m.point, dir), "/"), m.v2)
			if limit > 0 && (cpus == 0 || limit < cpus) {
				cpus, file = limit, "/"+name
			}
			if dir == "/" {
				break
			}
		}
	}
	return cpus, file
}

type cgroupMount struct {
	root, point string
	v2          bool
}

// parseMounts returns the cgroup mounts that can limit CPU time. Fields are
// those of proc_pid_mountinfo(5): the mount's root is the fourth, its mount
// point the fifth, and after the separator "-" come type, source and options.
func parseMounts(info []byte) []cgroupMount {
	var ms []cgroupMount
	sc := bufio.NewScanner(bytes.NewReader(info))
	for sc.Scan() {
		before, after, ok := strings.Cut(sc.Text(), " - ")
		f, g := strings.Fields(before), strings.Fields(after)
		if !ok || len(f) < 5 || len(g) < 3 {
			continue
		}
		v2 := g[0] == "cgroup2"
		v1 := g[0] == "cgroup" && slices.Contains(strings.Split(g[2], ","), "cpu")
		if v1 || v2 {
			ms = append(ms, cgroupMount{root: f[3], point: f[4], v2: v2})
		}
	}
	return ms
}

// groupOf finds the process's group in /proc/self/cgroup, whose lines are
// "id:controllers:path"; version 2 has id 0 and no controllers (cgroups(7)).
func groupOf(groups []byte, v2 bool) (string, bool) {
	for line := range strings.Lines(string(groups)) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(f) != 3 {
			continue
		}
		if v2 && f[0] == "0" && f[1] == "" || !v2 && slices.Contains(strings.Split(f[1], ","), "cpu") {
			return f[2], true
		}
	}
	return "", false
}

func readQuota(root fs.FS, dir string, v2 bool) (cpus float64, file string) {
	if v2 {
		file = path.Join(dir, "cpu.max")
		b, err := fs.ReadFile(root, file)
		if err != nil {
			return 0, ""
		}
		f := strings.Fields(string(b))
		if len(f) != 2 || f[0] == "max" {
			return 0, ""
		}
		return ratio(f[0], f[1]), file
	}
	file = path.Join(dir, "cpu.cfs_quota_us")
	quota, err := fs.ReadFile(root, file)
	if err != nil {
		return 0, ""
	}
	period, err := fs.ReadFile(root, path.Join(dir, "cpu.cfs_period_us"))
	if err != nil {
		return 0, ""
	}
	return ratio(strings.TrimSpace(string(quota)), strings.TrimSpace(string(period))), file
}

// ratio returns 0 where there is no limit: version 1 writes a quota of -1.
func ratio(quota, period string) float64 {
	q, err1 := strconv.ParseFloat(quota, 64)
	p, err2 := strconv.ParseFloat(period, 64)
	if err1 != nil || err2 != nil || q <= 0 || p <= 0 {
		return 0
	}
	return q / p
}
