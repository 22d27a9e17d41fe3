package tuning

import (
	"io/fs"
	"os"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/cpu"
)

// Host is what placement needs to know of the machine, and what a report names
// it by. What the kernel does not tell is left at zero.
type Host struct {
	Cores       int      `json:"cores"` // processors that this process may use: hardware threads
	Arch        string   `json:"arch"`
	Model       string   `json:"model,omitempty"`
	Kernel      string   `json:"kernel,omitempty"`
	MemoryBytes int64    `json:"memory_bytes,omitempty"`
	QuotaCores  float64  `json:"quota_cores,omitempty"` // bandwidth limit of the control group, in cores
	Features    []string `json:"features"`              // instructions that our cryptography profits from, present here
	CPUs        []CPU    `json:"cpus,omitempty"`        // one per processor that this process may use, by number
}

// CPU is one processor: a hardware thread.
type CPU struct {
	ID      int   `json:"id"`
	Core    int   `json:"core"` // hardware threads of one core share it; unique over packages
	Package int   `json:"package"`
	Node    int   `json:"node"` // NUMA
	L2Bytes int64 `json:"l2_bytes,omitempty"`
	L3Bytes int64 `json:"l3_bytes,omitempty"`
	L3      int   `json:"l3"` // lowest processor that shares the last cache
}

// PhysicalCores counts cores, not their hardware threads.
func (h *Host) PhysicalCores() int {
	seen := map[int]bool{}
	for _, c := range h.CPUs {
		seen[c.Core] = true
	}
	return max(len(seen), 1)
}

// DetectHost looks at the machine.
func DetectHost() Host {
	h := Host{Cores: runtime.NumCPU(), Arch: runtime.GOARCH, Features: features()}
	allowed := allowedCPUs()
	if len(allowed) > 0 {
		h.Cores = len(allowed)
	}
	h.read(os.DirFS("/"), allowed)
	return h
}

// features names the instructions that the libraries below us choose by.
func features() []string {
	found := []string{}
	for _, f := range []struct {
		name string
		has  bool
	}{
		{"aes", cpu.X86.HasAES || cpu.ARM64.HasAES},
		{"pclmulqdq", cpu.X86.HasPCLMULQDQ || cpu.ARM64.HasPMULL},
		{"sha2", cpu.ARM64.HasSHA2},
		{"sha512", cpu.ARM64.HasSHA512},
		{"neon", cpu.ARM64.HasASIMD},
		{"bmi2", cpu.X86.HasBMI2},
		{"adx", cpu.X86.HasADX},
		{"avx2", cpu.X86.HasAVX2},
		{"avx512f", cpu.X86.HasAVX512F},
		{"avx512ifma", cpu.X86.HasAVX512IFMA},
		{"vaes", cpu.X86.HasAVX512VAES},
	} {
		if f.has {
			found = append(found, f.name)
		}
	}
	return found
}

// read takes what Linux tells in /proc and /sys below root. What is missing
// there stays zero: a container may hide any of it.
func (h *Host) read(root fs.FS, allowed []int) {
	info := text(root, "proc/cpuinfo")
	h.Model = field(info, "model name")
	// package cpu does not look for SHA on x86.
	if h.Arch == "amd64" && strings.Contains(" "+field(info, "flags")+" ", " sha_ni ") {
		h.Features = append(h.Features, "sha_ni")
	}
	h.Kernel = text(root, "proc/sys/kernel/osrelease")
	if kib := strings.TrimSuffix(field(text(root, "proc/meminfo"), "MemTotal"), " kB"); kib != "" {
		h.MemoryBytes = 1024 * number64(kib)
	}
	h.QuotaCores = quota(root)
	for _, id := range allowed {
		h.CPUs = append(h.CPUs, readCPU(root, id))
	}
}

// readCPU takes one processor's place in the machine.
func readCPU(root fs.FS, id int) CPU {
	dir := "sys/devices/system/cpu/cpu" + strconv.Itoa(id)
	c := CPU{ID: id, Core: id, L3: id}
	if siblings := parseCPUList(text(root, dir+"/topology/thread_siblings_list")); len(siblings) > 0 {
		c.Core = siblings[0] // core_id alone repeats in every package
	}
	c.Package = int(number64(text(root, dir+"/topology/physical_package_id")))
	if nodes, err := fs.Glob(root, dir+"/node[0-9]*"); err == nil && len(nodes) > 0 {
		c.Node = int(number64(strings.TrimPrefix(nodes[0], dir+"/node")))
	}
	for i := range 8 {
		cache := dir + "/cache/index" + strconv.Itoa(i)
		bytes := 1024 * number64(strings.TrimSuffix(text(root, cache+"/size"), "K"))
		switch text(root, cache+"/level") {
		case "2":
			c.L2Bytes = bytes
		case "3":
			c.L3Bytes = bytes
			if shared := parseCPUList(text(root, cache+"/shared_cpu_list")); len(shared) > 0 {
				c.L3 = shared[0]
			}
		}
	}
	return c
}

// quota is the bandwidth limit of this process's control group, in cores: 0 for
// none. Inside a container its own group is the root of what it sees.
func quota(root fs.FS) float64 {
	limit, period, ok := strings.Cut(text(root, "sys/fs/cgroup/cpu.max"), " ")
	if !ok {
		limit, period = text(root, "sys/fs/cgroup/cpu/cpu.cfs_quota_us"), text(root, "sys/fs/cgroup/cpu/cpu.cfs_period_us")
	}
	if l, p := number64(limit), number64(period); l > 0 && p > 0 {
		return float64(l) / float64(p)
	}
	return 0
}

// text is a small file of the kernel without white space around it, empty if it
// cannot be read.
func text(root fs.FS, name string) string {
	b, err := fs.ReadFile(root, name)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// field is the value of the first line "name : value".
func field(text, name string) string {
	for line := range strings.Lines(text) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// number64 reads a decimal number; anything else, as "max", is 0.
func number64(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// parseCPUList reads "0-2,8", ascending; nil for what is none.
func parseCPUList(s string) (ids []int) {
	for part := range strings.SplitSeq(s, ",") {
		low, high, span := strings.Cut(part, "-")
		if !span {
			high = low
		}
		from, err := strconv.Atoi(low)
		to, err2 := strconv.Atoi(high)
		if err != nil || err2 != nil || from < 0 || to < from || to >= cpusMax {
			return nil
		}
		for id := from; id <= to; id++ {
			ids = append(ids, id)
		}
	}
	return ids
}

// cpusMax bounds processor numbers: the kernel's own largest configuration.
const cpusMax = 8192

// Apply sets what p says about the Go runtime, for the whole process. Commands
// call it once, before they start a thread.
func (p *Profile) Apply() {
	p.paceGC()
	if p.MaxProcs > 0 {
		runtime.GOMAXPROCS(p.MaxProcs)
	}
}
