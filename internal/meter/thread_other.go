//go:build !linux

package meter

// threadCPU: other systems have no such clock that needs no cgo. Invariant ME2.
func threadCPU() int64 { return 0 }
