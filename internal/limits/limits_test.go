package limits

// Aim: the rows that are fields of a struct have the struct's defaults, and no
// field is without. Method: reflection over both; constants are internal/tidy's.

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"quorate/netio"
	"quorate/payments"
)

func TestFields(t *testing.T) {
	for room, v := range map[string]any{
		"netio.Limits.":    netio.DefaultLimits(4),
		"payments.Limits.": payments.DefaultLimits(),
	} {
		fields := reflect.ValueOf(v)
		for i := range fields.NumField() {
			f, name := fields.Field(i), room+fields.Type().Field(i).Name
			var value uint64
			switch {
			case f.Type() == reflect.TypeFor[time.Duration]():
				continue // a timer of ours; its test is the room's
			case f.CanInt():
				value = uint64(f.Int())
			default:
				value = f.Uint()
			}
			if l, ok := Of(name); !ok || l.Value != value {
				t.Errorf("%s is %d, the list says %d", name, value, l.Value)
			}
		}
	}
}

func TestAround(t *testing.T) {
	for limit, want := range map[uint64][]uint64{
		0:         {0, 1, 1 << 31, 1 << 63},
		1:         {0, 1, 2, 1 << 31, 1 << 63},
		8189:      {8188, 8189, 8190, 1 << 31, 1 << 63},
		1 << 31:   {1<<31 - 1, 1 << 31, 1<<31 + 1, 1 << 63},
		1<<63 - 1: {1<<63 - 2, 1<<63 - 1, 1 << 63},
	} {
		if got := Around(limit); !slices.Equal(got, want) {
			t.Errorf("around %d: %v, want %v", limit, got, want)
		}
	}
}
