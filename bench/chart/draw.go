package chart

import (
	"bytes"
	"fmt"
	"image/color"
	"math"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Size of a picture; a page shows two beside each other.
const (
	width  = 5.6 * vg.Inch
	height = 3.5 * vg.Inch
	margin = 9
)

// Colours. The series' are those of Okabe and Ito, which stay apart for eyes that
// see few colours; page.go maps each to one for dark screens.
var (
	ink    = color.NRGBA{0x1f, 0x23, 0x28, 0xff}
	faint  = color.NRGBA{0xd8, 0xde, 0xe4, 0xff}
	series = []color.NRGBA{{0x00, 0x72, 0xb2, 0xff}, {0xd5, 0x5e, 0x00, 0xff}, {0x00, 0x9e, 0x73, 0xff}, {0xcc, 0x79, 0xa7, 0xff}}
	marks  = []draw.GlyphDrawer{draw.CircleGlyph{}, draw.BoxGlyph{}, draw.PyramidGlyph{}, draw.RingGlyph{}}
)

// Draw gives the picture as "svg" or "png". An SVG has no background.
func (c *Chart) Draw(format string) ([]byte, error) {
	p, err := c.plot()
	if err != nil {
		return nil, fmt.Errorf("chart %s: %w", c.Name, err)
	}
	canvas, err := draw.NewFormattedCanvas(width, height, format)
	if err != nil {
		return nil, fmt.Errorf("chart %s: %w", c.Name, err)
	}
	whole := draw.New(canvas)
	if format == "png" {
		whole.FillPolygon(color.White, []vg.Point{{X: 0, Y: 0}, {X: width, Y: 0}, {X: width, Y: height}, {X: 0, Y: height}})
	}
	p.Draw(draw.Crop(whole, margin, -margin, margin, -margin))
	var out bytes.Buffer
	if _, err := canvas.WriteTo(&out); err != nil {
		return nil, fmt.Errorf("chart %s: %w", c.Name, err)
	}
	if format == "svg" {
		// Its reader may not have the font; Arial and Helvetica are as wide.
		return bytes.ReplaceAll(out.Bytes(), []byte("font-family:Liberation Sans;"), []byte("font-family:Liberation Sans,Arial,Helvetica,sans-serif;")), nil
	}
	return out.Bytes(), nil
}

// plot lays the chart out.
func (c *Chart) plot() (*plot.Plot, error) {
	p := plot.New()
	p.BackgroundColor = nil
	sans := font.Font{Typeface: "Liberation", Variant: "Sans"}
	for _, style := range []struct {
		text  *draw.TextStyle
		size  vg.Length
		color color.Color
	}{{&p.Title.TextStyle, 12, ink}, {&p.X.Label.TextStyle, 10, ink}, {&p.Y.Label.TextStyle, 10, ink},
		{&p.X.Tick.Label, 9, ink}, {&p.Y.Tick.Label, 9, ink}, {&p.Legend.TextStyle, 9, ink}} {
		style.text.Font = font.From(sans, style.size)
		style.text.Color = style.color
	}
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = c.Title, c.X.Label, c.Y.Label
	p.Title.Padding, p.X.Padding, p.Y.Padding = 8, 4, 4
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.LineStyle.Color, a.Tick.LineStyle.Color, a.LineStyle.Width, a.Tick.LineStyle.Width = ink, faint, 0.7, 0.7
		a.Tick.Length = 4
	}
	grid := plotter.NewGrid()
	grid.Horizontal.Color, grid.Vertical.Color = faint, nil
	grid.Horizontal.Width = 0.6
	p.Add(grid)
	for i := range c.Series {
		if err := c.add(p, i); err != nil {
			return nil, err
		}
	}
	c.scale(p)
	if len(c.Series) > 1 {
		p.Legend.Top, p.Legend.Left, p.Legend.XOffs, p.Legend.YOffs, p.Legend.Padding = true, true, 10, -2, 2
	}
	return p, nil
}

// add draws one series: bars where there are names, else a line with marks; and
// the range of its runs.
func (c *Chart) add(p *plot.Plot, i int) error {
	s := &c.Series[i]
	points, ranges := make(plotter.XYs, len(s.Points)), make(plotter.YErrors, len(s.Points))
	several := false
	for k, pt := range s.Points {
		points[k] = plotter.XY{X: pt.X, Y: pt.Sample.Median}
		ranges[k].Low, ranges[k].High = pt.Sample.Median-pt.Sample.Lowest, pt.Sample.Highest-pt.Sample.Median
		several = several || pt.Sample.Runs > 1
	}
	if c.Names != nil {
		values := make(plotter.Values, len(c.Names))
		for _, pt := range points {
			values[int(pt.X)] = pt.Y
		}
		bars, err := plotter.NewBarChart(values, vg.Length(min(48, 220/len(c.Names))))
		if err != nil {
			return err
		}
		bars.Color, bars.LineStyle.Width = series[i%len(series)], 0
		p.Add(bars)
		p.NominalX(c.Names...)
		p.X.Tick.Length = 0
	} else {
		line, dots, err := plotter.NewLinePoints(points)
		if err != nil {
			return err
		}
		line.Color, line.Width = series[i%len(series)], 1.6
		dots.Color, dots.Shape, dots.Radius = series[i%len(series)], marks[i%len(marks)], 2.6
		p.Add(line, dots)
		if len(c.Series) > 1 {
			p.Legend.Add(s.Label, line, dots)
		}
	}
	if !several {
		return nil
	}
	bars, err := plotter.NewYErrorBars(struct {
		plotter.XYer
		plotter.YErrorer
	}{points, ranges})
	if err != nil {
		return err
	}
	bars.LineStyle.Color, bars.LineStyle.Width, bars.CapWidth = ink, 0.8, 5
	p.Add(bars)
	return nil
}

// scale sets ranges and ticks (G3).
func (c *Chart) scale(p *plot.Plot) {
	low, high := math.Inf(1), math.Inf(-1)
	left, right := math.Inf(1), math.Inf(-1)
	for _, s := range c.Series {
		for _, pt := range s.Points {
			low, high = min(low, pt.Sample.Lowest), max(high, pt.Sample.Highest)
			left, right = min(left, pt.X), max(right, pt.X)
		}
	}
	if c.Y.Log {
		p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, logTicks{}
		p.Y.Min, p.Y.Max = low/1.5, high*1.3
		if len(c.Series) > 1 {
			p.Y.Max = high * 2.5 // room for the legend
		}
	} else {
		p.Y.Tick.Marker = linearTicks{}
		p.Y.Min, p.Y.Max = 0, max(high*1.15, 1e-9)
		if len(c.Series) > 1 {
			p.Y.Max = high * 1.3
		}
	}
	switch {
	case c.Names != nil:
		p.X.Min, p.X.Max = -0.6, float64(len(c.Names))-0.4
	case c.X.Log:
		p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, logTicks{}
		p.X.Min, p.X.Max = left/1.3, right*1.3
	default:
		p.X.Tick.Marker = linearTicks{}
		p.X.Min, p.X.Max = 0, right*1.05
	}
}

// linearTicks stand at multiples of 1, 2 or 5 times a power of ten, four to nine
// of them.
type linearTicks struct{}

// Ticks implements plot.Ticker.
func (linearTicks) Ticks(low, high float64) (ticks []plot.Tick) {
	const most = 8
	step := math.Pow(10, math.Floor(math.Log10((high-low)/most)))
	for _, k := range []float64{1, 2, 5, 10} {
		if (high-low)/(k*step) <= most {
			step *= k
			break
		}
	}
	for k := math.Ceil(low / step); k*step <= high; k++ {
		ticks = append(ticks, plot.Tick{Value: k * step, Label: short(k * step)})
	}
	return ticks
}

// logTicks label powers of ten, and 2 and 5 times them where there are few.
type logTicks struct{}

// Ticks implements plot.Ticker.
func (logTicks) Ticks(low, high float64) (ticks []plot.Tick) {
	const few = 2.2 // decades
	fine := math.Log10(high/low) < few
	for decade := math.Pow(10, math.Floor(math.Log10(low))); decade <= high; decade *= 10 {
		for k := 1.0; k < 10; k++ {
			v := decade * k
			if v < low || v > high {
				continue
			}
			t := plot.Tick{Value: v}
			if k == 1 || fine && (k == 2 || k == 5) {
				t.Label = short(v)
			}
			ticks = append(ticks, t)
		}
	}
	return ticks
}

// short writes a number with at most three digits and a unit of thousands.
func short(v float64) string {
	for _, u := range []struct {
		size float64
		name string
	}{{1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if math.Abs(v) >= u.size {
			return digits(v/u.size) + u.name
		}
	}
	return digits(v)
}

func digits(v float64) string {
	s := strconv.FormatFloat(v, 'f', 2, 64)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}
