package funcs

import (
	"math"
	"testing"
)

func TestNumbersAreRoundedInTheirOwnType(t *testing.T) {
	checkCalls(t, "round", []example{
		{list{2.5}, 3.0}, {list{-2.5}, -3.0}, {list{1.005e2, -2}, 100.0}, {list{3.14159, 2}, 3.14}, {list{7}, int64(7)}, {list{1254, -2}, int64(1300)},
		{list{-15, -1}, int64(-20)}, {list{49, -2}, int64(0)}, {list{1<<31 - 1, -1}, refusal("java.lang.ArithmeticException: integer overflow")},
	})
	checkCalls(t, "ceil", []example{{list{1.2}, 2.0}, {list{7}, int64(7)}})
	checkCalls(t, "floor", []example{{list{-1.2}, -2.0}, {list{uint64(1 << 63)}, uint64(1 << 63)}})
	checkCalls(t, "abs", []example{{list{-3}, int64(3)}, {list{-2.5}, 2.5}, {list{-1 << 31}, refusal("java.lang.ArithmeticException: integer overflow")}})
	checkCalls(t, "round_to", []example{{list{7, 0, 10, 5}, int64(5)}, {list{-7, 0, 5}, int64(0)}, {list{7, 2.5}, 2.5}})
}

func TestAFunctionSaysWhereItHasNoValue(t *testing.T) {
	checkCalls(t, "sqrt", []example{{list{9}, 3.0}, {list{-1}, refusal("java.lang.ArithmeticException: Square root of negative")}})
	checkCalls(t, "log", []example{{list{math.E}, 1.0}, {list{2, 8}, 3.0}, {list{0}, refusal("java.lang.ArithmeticException: Log of non-positive number")},
		{list{1, 8}, refusal("java.lang.ArithmeticException: Log of base 1")}})
	checkCalls(t, "log10", []example{{list{1000}, 3.0}, {list{-1}, refusal("java.lang.ArithmeticException: Log of non-positive number")}})
	checkCalls(t, "exp", []example{{list{0}, 1.0}, {list{1000}, refusal("java.lang.ArithmeticException: not a finite double number: Infinity")}})
	checkCalls(t, "acos", []example{{list{1}, 0.0}, {list{2}, refusal("java.lang.ArithmeticException: Acos input out of range")}})
	checkCalls(t, "cosh", []example{{list{0}, 1.0}, {list{1000}, refusal("java.lang.ArithmeticException: cosh overflow")}})
}

func TestPairsOfNumbersAreComputed(t *testing.T) {
	checkCalls(t, "pow", []example{{list{2, 10}, 1024.0}, {list{-1, 0.5}, refusal("java.lang.ArithmeticException: not a finite double number: NaN")}})
	checkCalls(t, "hypot", []example{{list{3, 4}, 5.0}})
	checkCalls(t, "scalb", []example{{list{3, 2}, 12.0}})
	checkCalls(t, "copy_sign", []example{{list{3, -0.5}, int64(-3)}, {list{-3.5, 1}, 3.5}})
	checkCalls(t, "clamp", []example{{list{7, 1, 5}, int64(5)}, {list{0, 1, 5}, int64(1)}, {list{3, 1.5, 5.0}, 3.0}, {list{"m", "a", "f"}, "f"}})
	checkCalls(t, "clamp_min", []example{{list{7, 9}, int64(9)}, {list{7, 1}, int64(7)}})
	checkCalls(t, "clamp_max", []example{{list{7, 9}, int64(7)}, {list{7, 1}, int64(1)}})
	checkCalls(t, "signum", []example{{list{-4}, -1.0}, {list{0.0}, 0.0}})
	checkCalls(t, "tau", []example{{list{}, 2 * math.Pi}})
	checkCalls(t, "to_degrees", []example{{list{math.Pi}, 180.0}})
}
