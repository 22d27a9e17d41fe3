package capacity

import (
	"fmt"
	"strings"
)

// Alerts writes the plan's numbers as rules for Prometheus, to be loaded beside
// deploy/prometheus/rules.yml, whose recorded rates they use. What each means stands
// in docs/capacity.md.
func (p *Plan) Alerts() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "# Made by: replica capacity plan. %d servers of %.3g cores, profile %s, %d payments per\n# request, target %.0f/s growing by %.3g %% a month.\n",
		p.Servers, p.Cores, p.Profile, p.Batch, p.Goal.Target, 100*(p.Goal.Growth-1))
	b.WriteString("groups:\n  - name: quorate-plan\n    rules:\n")
	alert := func(name, expr, length, severity, summary string) {
		fmt.Fprintf(&b, "      - alert: %s\n        expr: %s\n        for: %s\n        labels: {severity: %s}\n        annotations:\n          summary: %q\n          runbook: docs/capacity.md#%s\n",
			name, expr, length, severity, summary, strings.ToLower(name))
	}
	const soon = 0.8
	alert("QuorateCapacitySoon", fmt.Sprintf("avg_over_time(quorate:events_executed:rate1m[10m]) > %.0f", soon*p.Usable), "10m", "warning",
		fmt.Sprintf("{{ $value }} payments a second; the plan carries %.0f: order servers.", p.Usable))
	alert("QuorateCapacityReached", fmt.Sprintf("quorate:events_executed:rate1m > %.0f", p.Usable), "5m", "critical",
		fmt.Sprintf("{{ $value }} payments a second are more than the %.0f that the plan carries.", p.Usable))
	alert("QuorateCapacityOneDown", fmt.Sprintf("quorate:events_executed:rate1m > %.0f", p.OneDown), "5m", "critical",
		fmt.Sprintf("{{ $value }} payments a second: with one replica down only %.0f go.", p.OneDown))
	alert("QuorateCapacityAverage", fmt.Sprintf("avg_over_time(quorate:events_executed:rate1m[1d]) > %.0f", p.Goal.Average), "1h", "warning",
		fmt.Sprintf("{{ $value }} payments a second over a day, planned were %.0f: disk and memory fill sooner.", p.Goal.Average))
	// The costs of a payment rise before the rate falls. It is dearest at the lowest
	// rate that is judged, where blocks are small and seconds are shared by few: a cost
	// at the target would be passed there by the model's own figures.
	const dearer = 1.3
	alert("QuorateCapacityCost", fmt.Sprintf("quorate:event_cpu:seconds5m > %.3g and on (job) quorate:events_executed:rate1m > %.0f",
		dearer*p.CostHalf/1e6, p.Goal.Target/2), "30m", "warning",
		fmt.Sprintf("A payment takes {{ $value }} s of CPU in all replicas together, planned were at most %.3g: calibrate again.", p.CostHalf/1e6))
	return []byte(b.String())
}
