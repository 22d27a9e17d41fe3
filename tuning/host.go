package tuning

import (
	"runtime"
	"runtime/debug"

	"golang.org/x/sys/cpu"
)

// Host is what placement needs to know of the machine, and what a report names
// it by.
type Host struct {
	Cores    int      `json:"cores"` // that this process may use
	Arch     string   `json:"arch"`
	Features []string `json:"features"` // instructions that our cryptography profits from, present here
}

// DetectHost looks at the machine.
func DetectHost() Host {
	h := Host{Cores: runtime.NumCPU(), Arch: runtime.GOARCH, Features: []string{}}
	for _, f := range []struct {
		name string
		has  bool
	}{
		{"aes", cpu.X86.HasAES || cpu.ARM64.HasAES},
		{"pclmulqdq", cpu.X86.HasPCLMULQDQ || cpu.ARM64.HasPMULL},
		{"sha2", cpu.ARM64.HasSHA2},
		{"bmi2", cpu.X86.HasBMI2},
		{"adx", cpu.X86.HasADX},
		{"avx2", cpu.X86.HasAVX2},
		{"avx512f", cpu.X86.HasAVX512F},
		{"avx512ifma", cpu.X86.HasAVX512IFMA},
		{"vaes", cpu.X86.HasAVX512VAES},
	} {
		if f.has {
			h.Features = append(h.Features, f.name)
		}
	}
	return h
}

// Apply sets what p says about the Go runtime, for the whole process. Commands
// call it once, before they start a thread.
func (p *Profile) Apply() {
	debug.SetGCPercent(p.GCPercent)
	if p.MaxProcs > 0 {
		runtime.GOMAXPROCS(p.MaxProcs)
	}
}
