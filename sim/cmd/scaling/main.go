// Command scaling runs one simulated cluster in calm weather with real signatures
// and tells what a block cost it in messages, bytes and signatures.
//
//	bin/scaling -f 33 -blocks 128
//
// Messages and bytes are exact and the same in every run; the CPU time is that of
// this thread in signatures, replica by replica. There are no sockets, no disks
// and no other threads: what grows with n here grows with n everywhere.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"syscall"
	"text/tabwriter"
	"time"

	"golang.org/x/sys/unix"

	"quorate/sim"
	"quorate/wire"
)

func main() {
	f := flag.Int("f", 1, "replicas that may lie")
	c := flag.Int("c", 0, "replicas that may be slow")
	blocks := flag.Int("blocks", 128, "blocks to measure; 128 hold one checkpoint")
	asJSON := flag.Bool("json", false, "print the figures as one line of JSON")
	flag.Parse()
	if flag.NArg() > 0 || *f < 1 || *c < 0 || *blocks < 1 {
		flag.Usage()
		os.Exit(2)
	}
	runtime.LockOSThread() // or the clock would be that of several
	t, err := sim.MeasureTraffic(*f, *c, *blocks, threadCPU)
	if err == nil && *asJSON {
		err = json.NewEncoder(os.Stdout).Encode(figures(t))
	} else if err == nil {
		err = table(t)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "scaling:", err)
		os.Exit(1)
	}
}

// threadCPU is the CPU time of this thread.
func threadCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(unix.RUSAGE_THREAD, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// figures are what bench/measure records.
func figures(t *sim.Traffic) map[string]float64 {
	frames, bytes := 0.0, 0.0
	for k := range t.Frames {
		if !sim.Periodic(wire.Kind(k)) {
			frames += float64(t.Frames[k])
			bytes += float64(t.Bytes[k])
		}
	}
	crypto := time.Duration(0)
	for _, d := range t.Crypto {
		crypto += d
	}
	n, blocks := float64(t.Replicas), float64(t.Blocks)
	micros := func(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) / blocks }
	return map[string]float64{
		"messages_per_block": frames / blocks, "messages_per_block_per_replica": frames / blocks / n,
		"message_bytes_per_block": bytes / blocks, "bytes_per_block_per_replica": bytes / blocks / n,
		"crypto_us_per_block": micros(crypto), "busiest_crypto_us_per_block": micros(slices.Max(t.Crypto)),
	}
}

// table prints frames and bytes per block and kind.
func table(t *sim.Traffic) error {
	tw := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(tw, "n=%d, %d blocks\tframes/block\tbytes/block\t\n", t.Replicas, t.Blocks)
	for k := range t.Frames {
		if t.Frames[k] > 0 {
			fmt.Fprintf(tw, "kind %d\t%.2f\t%.0f\t\n", k, float64(t.Frames[k])/float64(t.Blocks), float64(t.Bytes[k])/float64(t.Blocks))
		}
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	f := figures(t)
	_, err := fmt.Printf("%.1f messages, %.0f bytes, %.0f µs of signatures per block; the busiest replica %.0f µs\n",
		f["messages_per_block"], f["message_bytes_per_block"], f["crypto_us_per_block"], f["busiest_crypto_us_per_block"])
	return err
}
