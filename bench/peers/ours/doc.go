// Package ours runs this project's own system as its peers are run: four
// replicas as processes with loadgen beside them, and the bound of bench/upper.
// It runs the binaries as a user does and imports nothing of the product.
package ours
