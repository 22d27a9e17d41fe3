// Package uplot holds the plotting library of every page that this repository
// makes: the reports of cmd/loadgen and the console of cmd/replica.
//
// Those pages have to work on a machine without a network: a report is one file
// that is mailed or kept for years, and a console stands beside replicas that
// reach nothing outside. So the library is compiled into the binary and written
// into the page; nothing is ever loaded from elsewhere.
//
// It is not a chart of ours and knows no data: the pages call uPlot themselves.
// Pictures of bench are drawn by bench/chart and need no script.
//
// Thread: constants; any goroutine may read them.
//
// Inputs: none. Outputs: JS, CSS and License, the files of the release as they
// came, byte for byte.
//
// Invariants:
//
//	U1  The files are those of uPlot Version as published (npm package uplot),
//	    unchanged: their SHA-256 stand in the test, so a new version is a change
//	    of Version, files and sums together.
//	U2  A page that holds JS holds License too: the MIT license asks for it.
//
// Source: https://github.com/leeoniya/uPlot, MIT; docs/decisions/0015-uplot-in-the-binary.md.
package uplot
