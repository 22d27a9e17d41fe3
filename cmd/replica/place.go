package main

import (
	"log/slog"

	"quorate/tuning"
)

// eventLoops is the number of a replica's event loops: all of its connections
// keep less than one busy.
const eventLoops = 1

// seating ties a replica's threads to processors as they start. Nil ties none.
type seating struct {
	cpus map[tuning.Thread]int // never written once threads start
	log  *slog.Logger
}

// seatThreads plans the places of a replica's threads on this host, if the
// profile wants it.
func seatThreads(p *tuning.Profile, log *slog.Logger) *seating {
	host := tuning.DetectHost()
	if !p.Pins(&host) {
		return nil
	}
	seats := tuning.Place(&host, p.Threads(host.Cores, eventLoops))
	s := &seating{cpus: make(map[tuning.Thread]int, len(seats)), log: log}
	for _, seat := range seats {
		s.cpus[seat.Thread] = seat.CPU
	}
	log.Info("threads are pinned", "threads", len(seats), "cores", host.PhysicalCores())
	return s
}

// stage ties the calling goroutine of a stage.
func (s *seating) stage(name string, worker int) {
	s.tie(tuning.Thread{Role: tuning.Role(name), Index: worker})
}

// loop ties the calling event loop.
func (s *seating) loop(number int) { s.tie(tuning.Thread{Role: tuning.RoleLoop, Index: number}) }

// tie never fails: where pinning is not allowed it says so, and the thread runs
// where the kernel likes.
func (s *seating) tie(t tuning.Thread) {
	if s == nil {
		return
	}
	cpu, ok := s.cpus[t]
	if !ok {
		return
	}
	if err := tuning.Pin(cpu); err != nil {
		s.log.Warn("a thread is not pinned", "thread", t.Role, "index", t.Index, "error", err)
	}
}
