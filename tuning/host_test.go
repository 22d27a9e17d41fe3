package tuning

// Aim: what the kernel tells is read right, what it hides is left out, and a
// plan gives heavy threads cores of their own. Method: trees that look like
// /proc and /sys of a large server, of a small machine and of nothing at all.

import (
	"fmt"
	"io/fs"
	"reflect"
	"slices"
	"testing"
	"testing/fstest"
)

// fakeServer is the tree of a machine of packages × cores × two hardware
// threads, numbered as Linux does: siblings lie half of the processors apart.
func fakeServer(packages, cores int) (root fstest.MapFS, all []int) {
	root = fstest.MapFS{}
	put := func(name, text string) { root[name] = &fstest.MapFile{Data: []byte(text + "\n")} }
	put("proc/cpuinfo", "processor\t: 0\nmodel name\t: Fast CPU 9\nflags\t\t: fpu sha_ni avx2\n\nprocessor\t: 1\nmodel name\t: other\n")
	put("proc/sys/kernel/osrelease", "6.18.0")
	put("proc/meminfo", "MemTotal:       65536 kB\nMemFree:        1 kB")
	half := packages * cores
	for id := range 2 * half {
		core := id % half
		dir := fmt.Sprintf("sys/devices/system/cpu/cpu%d", id)
		put(dir+"/topology/thread_siblings_list", fmt.Sprintf("%d,%d", core, core+half))
		put(dir+"/topology/physical_package_id", fmt.Sprint(core/cores))
		root[fmt.Sprintf("%s/node%d", dir, core/cores)] = &fstest.MapFile{Mode: fs.ModeDir}
		put(dir+"/cache/index0/level", "1")
		put(dir+"/cache/index2/level", "2")
		put(dir+"/cache/index2/size", "1024K")
		put(dir+"/cache/index3/level", "3")
		put(dir+"/cache/index3/size", "32768K")
		first := core - core%4 // four cores share a last cache
		put(dir+"/cache/index3/shared_cpu_list", fmt.Sprintf("%d-%d,%d-%d", first, first+3, first+half, first+half+3))
		all = append(all, id)
	}
	return root, all
}

func readHost(root fs.FS, allowed []int) Host {
	h := Host{Arch: "amd64", Cores: len(allowed)}
	h.read(root, allowed)
	return h
}

func TestHostIsReadFromTheKernel(t *testing.T) {
	root, all := fakeServer(2, 16)
	root["sys/fs/cgroup/cpu.max"] = &fstest.MapFile{Data: []byte("250000 100000\n")}
	h := readHost(root, all)
	if h.Model != "Fast CPU 9" || h.Kernel != "6.18.0" || h.MemoryBytes != 64<<20 || h.QuotaCores != 2.5 || !slices.Contains(h.Features, "sha_ni") {
		t.Errorf("%+v", h)
	}
	if h.PhysicalCores() != 32 || len(h.CPUs) != 64 {
		t.Errorf("%d cores of %d processors", h.PhysicalCores(), len(h.CPUs))
	}
	want := CPU{ID: 53, Core: 21, Package: 1, Node: 1, L2Bytes: 1 << 20, L3Bytes: 32 << 20, L3: 20}
	if h.CPUs[53] != want {
		t.Errorf("processor 53 is %+v, want %+v", h.CPUs[53], want)
	}
}

func TestHostThatTellsNothing(t *testing.T) {
	h := readHost(fstest.MapFS{"sys/fs/cgroup/cpu.max": &fstest.MapFile{Data: []byte("max 100000")}}, []int{0, 3})
	want := Host{Arch: "amd64", Cores: 2, CPUs: []CPU{{ID: 0, Core: 0, L3: 0}, {ID: 3, Core: 3, L3: 3}}}
	if !reflect.DeepEqual(h, want) {
		t.Errorf("%+v", h)
	}
	if h := DetectHost(); h.Cores < 1 || h.Arch == "" {
		t.Errorf("this machine: %+v", h)
	}
}

func TestCPULists(t *testing.T) {
	for text, want := range map[string][]int{"0": {0}, "0-2,8": {0, 1, 2, 8}, "": nil, "a": nil, "3-1": nil, "-1": nil, "0-99999999": nil, "1,,2": nil} {
		if got := parseCPUList(text); !slices.Equal(got, want) {
			t.Errorf("%q gives %v", text, got)
		}
	}
}

func TestPlaceOnALargeServer(t *testing.T) {
	root, all := fakeServer(2, 16)
	h := readHost(root, all)
	p, _ := Named(Throughput)
	if !p.Pins(&h) {
		t.Error("a server of 32 cores is not pinned")
	}
	p.VerifyWorkers = 4
	threads := p.Threads(h.Cores, 2)
	used := map[int]int{}
	for _, s := range Place(&h, threads) {
		used[s.CPU]++
		if s.Shared != 1 || s.CPU >= 32 || s.CPU == 0 || h.CPUs[s.CPU].Node != 0 {
			t.Errorf("%v sits on processor %d of node %d with %d others", s.Thread, s.CPU, h.CPUs[s.CPU].Node, s.Shared-1)
		}
	}
	if len(used) != len(threads) {
		t.Errorf("%d threads on %d cores", len(threads), len(used))
	}
}

func TestPlaceSharesFewCores(t *testing.T) {
	p, _ := Named(Throughput)
	for cores := 1; cores <= 6; cores++ {
		h := Host{Cores: cores}
		for id := range cores {
			h.CPUs = append(h.CPUs, CPU{ID: id, Core: id})
		}
		if p.Pins(&h) {
			t.Errorf("%d cores are pinned without being told to", cores)
		}
		threads := p.Threads(cores, 1)
		seats := Place(&h, threads)
		load := map[int]int{}
		for _, s := range seats {
			load[s.CPU] += weights[s.Role]
		}
		if len(seats) != len(threads) {
			t.Errorf("%d cores: %d of %d threads have a seat", cores, len(seats), len(threads))
		}
		free := 0
		if cores > 2 {
			free = 1
		}
		if len(load) != cores-free {
			t.Errorf("%d cores: threads sit on %d", cores, len(load))
		}
		for cpu, l := range load {
			if cores > 1 && cores < 4 && l > 75 {
				t.Errorf("%d cores: processor %d carries %d %%", cores, cpu, l)
			}
		}
	}
	if Place(&Host{Cores: 4}, p.Threads(4, 1)) != nil {
		t.Error("seats on processors that nobody knows")
	}
}

func TestPinsWhen(t *testing.T) {
	eight := Host{Cores: 8}
	for id := range 8 {
		eight.CPUs = append(eight.CPUs, CPU{ID: id, Core: id})
	}
	limited := eight
	limited.QuotaCores = 2
	small := Host{Cores: 1, CPUs: eight.CPUs[:1]}
	for _, c := range []struct {
		mode int
		host *Host
		want bool
	}{
		{PinNever, &eight, false}, {PinAuto, &eight, true}, {PinAuto, &limited, false}, {PinAuto, &small, false},
		{PinAlways, &small, true}, {PinAlways, &Host{Cores: 8}, false},
	} {
		p := Profile{PinThreads: c.mode}
		if p.Pins(c.host) != c.want {
			t.Errorf("mode %d on %d cores, quota %v: want %v", c.mode, c.host.Cores, c.host.QuotaCores, c.want)
		}
	}
}

func TestDiskQueue(t *testing.T) {
	root := fstest.MapFS{
		"sys/dev/block/259:3":                     &fstest.MapFile{Mode: fs.ModeSymlink, Data: []byte("../../devices/nvme0n1/nvme0n1p3")},
		"sys/devices/nvme0n1/nvme0n1p3/partition": &fstest.MapFile{Data: []byte("3")},
		"sys/devices/nvme0n1/queue/rotational":    &fstest.MapFile{Data: []byte("0\n")},
		"sys/devices/nvme0n1/queue/scheduler":     &fstest.MapFile{Data: []byte("none [mq-deadline] kyber\n")},
		"sys/devices/nvme0n1/queue/write_cache":   &fstest.MapFile{Data: []byte("write back\n")},
		"sys/dev/block/8:0":                       &fstest.MapFile{Mode: fs.ModeSymlink, Data: []byte("../../devices/sda")},
		"sys/devices/sda/queue/rotational":        &fstest.MapFile{Data: []byte("1\n")},
		"sys/devices/sda/queue/scheduler":         &fstest.MapFile{Data: []byte("none\n")},
	}
	var d Disk
	d.readQueue(root, "259:3")
	if want := (Disk{Device: "nvme0n1p3", Scheduler: "mq-deadline", WriteCache: "write back"}); d != want {
		t.Errorf("partition: %+v", d)
	}
	d = Disk{}
	d.readQueue(root, "8:0")
	if want := (Disk{Device: "sda", Rotational: true, Scheduler: "none"}); d != want {
		t.Errorf("disk: %+v", d)
	}
	d = Disk{}
	if d.readQueue(root, "0:55"); d != (Disk{}) {
		t.Errorf("no device: %+v", d)
	}
	dir := t.TempDir()
	if d, err := DetectDisk(dir); err != nil || d.Dir != dir {
		t.Errorf("%+v %v", d, err)
	}
	if _, err := DetectDisk(dir + "/none"); err == nil {
		t.Error("a directory that is not there was looked at")
	}
}
