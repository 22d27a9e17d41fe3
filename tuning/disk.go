package tuning

import (
	"io/fs"
	"path"
)

// Disk is where a directory lies, as far as its speed depends on it. What the
// kernel does not tell is empty or zero.
type Disk struct {
	Dir         string `json:"dir"`
	FileSystem  string `json:"file_system,omitempty"`
	Device      string `json:"device,omitempty"` // of the kernel, such as nvme0n1
	Rotational  bool   `json:"rotational,omitempty"`
	Scheduler   string `json:"scheduler,omitempty"`
	WriteCache  string `json:"write_cache,omitempty"`  // "write back": an fsync has to flush it
	DirectAlign int    `json:"direct_align,omitempty"` // bytes that O_DIRECT wants writes aligned to; 0: no O_DIRECT
	FreeBytes   int64  `json:"free_bytes,omitempty"`
}

// readQueue takes what /sys below root tells of the block device major:minor. A
// partition has its queue in the directory above.
func (d *Disk) readQueue(root fs.FS, device string) {
	dir, err := fs.ReadLink(root, path.Join("sys/dev/block", device))
	if err != nil {
		return
	}
	dir = path.Join("sys/dev/block", dir)
	d.Device = path.Base(dir)
	if text(root, dir+"/queue/rotational") == "" {
		dir = path.Dir(dir)
	}
	d.Rotational = text(root, dir+"/queue/rotational") == "1"
	d.WriteCache = text(root, dir+"/queue/write_cache")
	d.Scheduler = chosenOf(text(root, dir+"/queue/scheduler"))
}

// chosenOf is the word in brackets of "none [mq-deadline] kyber".
func chosenOf(s string) string {
	for i := range len(s) {
		if s[i] != '[' {
			continue
		}
		for j := i; j < len(s); j++ {
			if s[j] == ']' {
				return s[i+1 : j]
			}
		}
	}
	return s
}
