package capacity

import (
	"errors"
	"fmt"
	"math"
	"math/bits"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/optimize"
)

// ErrLoads says that a calibration's runs do not tell the costs apart.
var ErrLoads = errors.New("capacity: runs do not tell costs apart")

// nonNegative solves rows·x ≈ y by least squares with x ≥ 0. The best x is the plain
// least-squares solution over the columns in which it is not zero, so all subsets of
// columns are tried: there are at most four, and an active-set method would have to
// be believed. A subset of columns that depend on one another is left out.
func nonNegative(rows [][]float64, y []float64) (best []float64, residual float64) {
	width := len(rows[0])
	best, residual = make([]float64, width), squares(rows, y, make([]float64, width))
	for set := uint(1); set < 1<<width; set++ {
		x, ok := onColumns(rows, y, set)
		if !ok {
			continue
		}
		// A larger set must earn its columns, or rounding would choose.
		if r := squares(rows, y, x); r < residual*(1-1e-9) {
			best, residual = x, r
		}
	}
	return best, residual
}

// onColumns is the least-squares solution with the columns of set alone.
func onColumns(rows [][]float64, y []float64, set uint) ([]float64, bool) {
	n := bits.OnesCount(set)
	if n > len(rows) {
		return nil, false
	}
	a := mat.NewDense(len(rows), n, nil)
	var columns []int
	for c := range rows[0] {
		if set&(1<<c) != 0 {
			columns = append(columns, c)
		}
	}
	scale := make([]float64, n) // columns of like size, so that the condition says something
	for j, c := range columns {
		for i := range rows {
			scale[j] = math.Max(scale[j], math.Abs(rows[i][c]))
		}
		if scale[j] == 0 {
			return nil, false
		}
		for i := range rows {
			a.Set(i, j, rows[i][c]/scale[j])
		}
	}
	const conditionMost = 1e8
	var qr mat.QR
	qr.Factorize(a)
	var solved mat.VecDense
	if err := qr.SolveVecTo(&solved, false, mat.NewVecDense(len(y), y)); err != nil || qr.Cond() > conditionMost {
		return nil, false
	}
	x := make([]float64, len(rows[0]))
	for j, c := range columns {
		if x[c] = solved.AtVec(j) / scale[j]; x[c] < 0 {
			return nil, false
		}
	}
	return x, true
}

func squares(rows [][]float64, y, x []float64) (sum float64) {
	for i := range rows {
		d := -y[i]
		for j := range x {
			d += rows[i][j] * x[j]
		}
		sum += d * d
	}
	return sum
}

// Learn fits the model of a calibration to its loads. Each load weighs the same,
// whatever it cost: a difference counts as a part of that load's whole CPU.
func (c *Calibration) Learn() error {
	busyLoads := 0
	for i := range c.Loads {
		if c.Loads[i].Payments > 0 {
			busyLoads++
		}
	}
	if busyLoads < 3 {
		return fmt.Errorf("%w: %d runs with payments, 3 are needed", ErrLoads, busyLoads)
	}
	c.Reference = c.medianReference()
	c.Model = Model{Path: 0.5, Slot: 0.65, Tails: []Tail{{0, 2}}, TailFull: 2, TailClosed: 2}
	m := &c.Model
	// What a load took on a slow host it would have taken less of at the median speed.
	speed := func(l *Load) float64 { taken, _ := c.speed(l); return taken }
	cpu := func(l *Load) float64 { return l.cpu() * speed(l) }
	for _, name := range c.stageNames() {
		m.Stages = append(m.Stages, StageCost{name,
			c.fitCost(func(l *Load) float64 { return 1e6 * l.stage(name).Primary * speed(l) }, cpu),
			c.fitCost(func(l *Load) float64 { return 1e6 * l.stage(name).Backup * speed(l) }, cpu)})
	}
	m.Client = c.fitCost(func(l *Load) float64 { return 1e6 * l.ClientCPU * speed(l) }, func(l *Load) float64 { return l.clientWeight() * speed(l) })
	own := func(of func(*Load) float64) func(*Load) float64 {
		return func(l *Load) float64 { return math.Max(of(l), 1) }
	}
	ledger, link := func(l *Load) float64 { return l.LedgerBytes }, func(l *Load) float64 { return l.LinkBytes }
	m.Ledger, m.Link = c.fitCost(ledger, own(ledger)), c.fitCost(link, own(link))
	m.Busy = c.busyShare()
	c.learnSyncs()
	c.learnTimes()
	m.Residual = c.residual()
	return m.check()
}

// stageNames lists the stages of all loads in the order in which they first stand.
func (c *Calibration) stageNames() (names []string) {
	seen := map[string]bool{}
	for i := range c.Loads {
		for _, s := range c.Loads[i].Stages {
			if !seen[s.Stage] {
				seen[s.Stage] = true
				names = append(names, s.Stage)
			}
		}
	}
	return names
}

// fitCost fits one demand to what loads took, each by its own weight.
func (c *Calibration) fitCost(took, weight func(*Load) float64) Cost {
	var rows [][]float64
	var y []float64
	for i := range c.Loads {
		l := &c.Loads[i]
		w := weight(l)
		rows = append(rows, []float64{l.Payments / w, l.Requests / w, l.Blocks / w, l.Seconds / w})
		y = append(y, took(l)/w)
	}
	x, _ := nonNegative(rows, y)
	return Cost{x[0], x[1], x[2], x[3]}
}

// stage gives the time of one stage; zero for one that the load did not have.
func (l *Load) stage(name string) StageTime {
	for _, s := range l.Stages {
		if s.Stage == name {
			return s
		}
	}
	return StageTime{Stage: name}
}

// backupsOf is how many backups the loads of a calibration had.
func (c *Calibration) backups() float64 { return float64(c.Replicas - 1) }

// cpu is a replica's CPU in µs, of primary and average backup together.
func (l *Load) cpu() (micros float64) {
	for _, s := range l.Stages {
		micros += 1e6 * (s.Primary + s.Backup)
	}
	return math.Max(micros, 1)
}

// clientWeight is what a difference of the load generator's CPU is a part of. It is
// fitted by itself: beside the replicas' CPU that of full requests would vanish.
func (l *Load) clientWeight() float64 { return math.Max(1e6*l.ClientCPU, 1e3*l.Seconds) }

// used is what all processes of a load took, cores.
func (c *Calibration) used(l *Load) float64 {
	sum := l.ClientCPU
	for _, s := range l.Stages {
		sum += s.Primary + c.backups()*s.Backup
	}
	return sum / l.Seconds
}

// busyShare is the share of what others left of the cores that the experiment used
// where as much was offered as went.
func (c *Calibration) busyShare() float64 {
	sum, n := 0.0, 0.0
	for i := range c.Loads {
		l := &c.Loads[i]
		if l.Payments == 0 || l.Offered != 0 {
			continue
		}
		sum += math.Min(c.used(l)/l.coresLeft(c.Host.Cores), 1)
		n++
	}
	if n == 0 || sum == 0 {
		return 1
	}
	return sum / n
}

// learnSyncs fits how long replicas waited for a sync, by its bytes.
func (c *Calibration) learnSyncs() {
	var rows [][]float64
	var y []float64
	for i := range c.Loads {
		if l := &c.Loads[i]; l.Syncs > 0 && l.SyncMean > 0 {
			// Each by its own size, so that the small ones count.
			rows = append(rows, []float64{1 / l.SyncMean, l.Payments / l.Syncs * eventBytes / l.SyncMean})
			y = append(y, 1)
		}
	}
	if len(rows) > 0 {
		x, _ := nonNegative(rows, y)
		c.Model.SyncBase, c.Model.SyncByte = x[0], x[1]
	}
}

// learnTimes fits the parameters of the latency model to the loads' latencies and
// block sizes, by the logarithms of their ratios: twice too long is as wrong as
// half as long.
func (c *Calibration) learnTimes() {
	m := &c.Model
	set := func(x []float64) {
		m.Path, m.Slot = math.Exp(x[0]), 1/(1+math.Exp(-x[1]))
	}
	problem := optimize.Problem{Func: func(x []float64) float64 {
		set(x)
		sum := 0.0
		for i := range c.Loads {
			l := &c.Loads[i]
			if l.Payments == 0 || l.Blocks == 0 {
				continue
			}
			speed, _ := c.speed(l)
			s := c.atSpeed(speed).at(c.questionOf(l), l.Payments/l.Seconds)
			if l.Offered != 0 && l.P50 > 0 {
				sum += square(math.Log(s.p50 / l.P50))
			}
			sum += square(math.Log(s.block / (l.Payments / l.Blocks)))
		}
		// Without a pull towards plain values a parameter that no load determines
		// would run away: slow syncs of a shared disk hide the work between them.
		return sum + 0.3*square(x[0]-plainPath) + 0.01*square(x[1]-plainSlot)
	}}
	start := []float64{plainPath, plainSlot}
	set(start)
	if r, err := optimize.Minimize(problem, start, &optimize.Settings{MajorIterations: 400}, &optimize.NelderMead{}); err == nil {
		set(r.X)
	}
	c.learnTails()
}

// Where the search for the latency model starts: half of the work on a block one
// after another, and two thirds of it before the block is executed.
const (
	plainPath = -0.7
	plainSlot = 0.6
)

func square(x float64) float64 { return x * x }

// coresLeft is what others left of the cores; never less than a tenth of one.
func (l *Load) coresLeft(cores int) float64 {
	return math.Max(float64(cores)-l.others(), 0.1)
}

// others is what other processes and other guests used, cores.
func (l *Load) others() float64 { return (l.OthersCPU + l.StolenCPU) / l.Seconds }

// questionOf is the question that a load answered.
func (c *Calibration) questionOf(l *Load) *Question {
	return &Question{Profile: c.Profile, Replicas: c.Replicas, Events: l.Events, Rate: l.Offered, Outstanding: l.Outstanding,
		Cores: l.coresLeft(c.Host.Cores), Together: true, Disk: 1}
}

// residual is the largest relative difference between a load's CPU and the fit.
func (c *Calibration) residual() (most float64) {
	for i := range c.Loads {
		l := &c.Loads[i]
		if l.Payments == 0 {
			continue
		}
		per := mix{l.Requests / l.Payments, l.Blocks / l.Payments, l.Seconds / l.Payments}
		fitted := 0.0
		for _, s := range c.Model.Stages {
			fitted += s.Primary.at(per) + s.Backup.at(per)
		}
		speed, _ := c.speed(l)
		most = math.Max(most, math.Abs(fitted*l.Payments/(l.cpu()*speed)-1))
	}
	return most
}
