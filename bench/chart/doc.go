// Package chart draws results: SVG and PNG for documents, and one HTML page with
// everything inline that needs no network.
//
// It draws what bench/record holds and measures nothing. Drawing is gonum/plot's;
// what is here is which figures are worth a picture, and how they are labelled.
//
// Invariants:
//
//	G1  Only runs that are OK are drawn; a chart without a point is left out.
//	G2  A point is the median of its runs; a bar through it reaches from the lowest
//	    to the highest when there are several.
//	G3  Axes of rates, costs and shares begin at 0 unless they are logarithmic.
//	G4  The page loads nothing: no script, no font, no picture of elsewhere.
package chart
