package uplot

import _ "embed"

// Version is the release of the files below.
const Version = "1.6.32"

var (
	// JS is dist/uPlot.iife.min.js, UTF-8, about 50 kB: it defines the global
	// function uPlot. It holds no "</script", so it may stand in a page as it
	// is.
	//
	//go:embed dist/uPlot.iife.min.js
	JS string

	// CSS is dist/uPlot.min.css, UTF-8, about 2 kB.
	//
	//go:embed dist/uPlot.min.css
	CSS string

	// License is the text that goes with every copy (Invariant U2).
	//
	//go:embed dist/LICENSE
	License string
)
