// Package tidy holds the house rules as tests: which room may import which,
// what the pure rooms never do, what every package and function looks like, and
// how metrics and log lines name things.
//
// It judges form alone; go vet and staticcheck judge the rest. A rule is a
// function from parsed source to findings; tidy_test.go runs all of them over
// this repository, rules_test.go over small bad sources, so that a rule which
// stopped finding anything is found itself. Rooms that do not exist yet break
// no rule.
//
// Thread: tests only.
//
// Invariants:
//
//	T1  The import table here is that of the design page; a new room is added
//	    to both.
//	T2  A rule names file, line, what is wrong and what to do.
package tidy
