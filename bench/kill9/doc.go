// Command kill9 breaks the processes of a cluster under load, again and again,
// and checks after each time that no acknowledged payment is lost or there twice.
//
//	bin/kill9 -cycles 50 -seed 7
//
// Each cycle is drawn from seed and number: kill -9 of the primary or of backups,
// of all at once, of a replica that is still starting; a pause with SIGSTOP; an
// honest stop with SIGTERM. Never more than f are away at once, but for the
// cycles that take all. Payments go on meanwhile, and now and then a client dies
// too. What is broken comes back after a drawn time, often at once.
//
// A cycle ends with bench/trial's check, the run with its last check and one line
// of figures. Exit code 0 means that every cycle passed.
//
// It is no measurement of speed: the load is small, so that most of the host is
// left to recovery. plan.go draws, cycle.go breaks and mends, main.go counts.
package main
