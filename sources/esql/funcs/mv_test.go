package funcs

import (
	"net/netip"
	"testing"
	"time"
)

func TestValuesAreChosenByPlaceAndBySize(t *testing.T) {
	letters := list{"b", "c", "a", "b"}
	checkCalls(t, "mv_count", []example{{list{letters}, int64(4)}, {list{"a"}, int64(1)}, {list{nil}, nil}})
	checkCalls(t, "mv_first", []example{{list{letters}, "b"}, {list{nil}, nil}})
	checkCalls(t, "mv_last", []example{{list{letters}, "b"}, {list{list{1, 2}}, int64(2)}})
	checkCalls(t, "mv_min", []example{{list{letters}, "a"}, {list{list{2.5, -1.0}}, -1.0}, {list{list{true, false}}, false}})
	checkCalls(t, "mv_max", []example{
		{list{letters}, "c"}, {list{list{2, 10, 3}}, int64(10)}, {list{list{uint64(1), uint64(1 << 63)}}, uint64(1 << 63)},
		{list{list{netip.MustParseAddr("10.0.0.9"), netip.MustParseAddr("10.0.0.10")}}, "10.0.0.10"},
		{list{list{time.UnixMilli(1000), time.UnixMilli(0)}}, "1970-01-01T00:00:01.000Z"},
	})
}

func TestValuesAreOrdered(t *testing.T) {
	checkCalls(t, "mv_sort", []example{
		{list{list{3, 1, 2, 1}}, list{int64(1), int64(1), int64(2), int64(3)}}, {list{list{"a", "b"}, "desc"}, list{"b", "a"}}, {list{nil}, nil},
		{list{list{"a", "b"}, "up"}, refusal("Invalid order value in [mv_sort()], expected one of [ASC, DESC] but got [up]")},
	})
}

func TestSlicesCountFromZeroOrFromTheEnd(t *testing.T) {
	letters := list{"a", "b", "c", "d"}
	checkCalls(t, "mv_slice", []example{
		{list{letters, 1}, "b"}, {list{letters, 1, 2}, list{"b", "c"}}, {list{letters, 2, 99}, list{"c", "d"}}, {list{letters, 9, 10}, nil},
		{list{letters, -1}, "d"}, {list{letters, -3, -2}, list{"b", "c"}}, {list{letters, -9, -4}, "a"}, {list{letters, -9, -8}, nil}, {list{nil, 0}, nil},
		{list{letters, 2, 1}, refusal("org.elasticsearch.xpack.esql.core.InvalidArgumentException: Start offset is greater than end offset")},
		{list{letters, -1, 1}, refusal("org.elasticsearch.xpack.esql.core.InvalidArgumentException: Start and end offset have different signs")},
		{list{letters, list{0, 1}}, refusal(MultiValue)},
	})
}

func TestValuesAreJoined(t *testing.T) {
	checkCalls(t, "mv_append", []example{{list{list{1, 2}, 1}, list{int64(1), int64(2), int64(1)}}, {list{list{1, 2}, nil}, nil}})
	checkCalls(t, "mv_concat", []example{{list{list{"tar", "-c", ""}, " "}, "tar -c "}, {list{"a", ", "}, "a"}, {list{list{"a", "b"}, list{"a", "b"}}, refusal(MultiValue)}})
	checkCalls(t, "mv_zip", []example{
		{list{list{"x", "y", "z"}, list{"1", "2"}, "-"}, list{"x-1", "y-2", "z"}}, {list{"x", list{"1", "2"}}, list{"x,1", "2"}}, {list{"x", nil}, "x"}, {list{nil, nil}, nil},
	})
}

func TestValuesAreSets(t *testing.T) {
	a, b := list{1, 2, 2, 3}, list{3, 4, 2}
	checkCalls(t, "mv_dedupe", []example{{list{list{"b", "a", "b"}}, list{"b", "a"}}, {list{list{0.0, 1.5, 1.5}}, list{0.0, 1.5}}, {list{nil}, nil}})
	checkCalls(t, "mv_union", []example{{list{a, b}, list{int64(1), int64(2), int64(3), int64(4)}}, {list{a, nil}, list{int64(1), int64(2), int64(3)}}, {list{nil, nil}, nil}})
	checkCalls(t, "mv_intersection", []example{{list{a, b}, list{int64(2), int64(3)}}, {list{a, 9}, nil}, {list{a, nil}, nil}})
	checkCalls(t, "mv_difference", []example{{list{a, b}, int64(1)}, {list{a, nil}, list{int64(1), int64(2), int64(3)}}, {list{nil, a}, nil}})
	checkCalls(t, "mv_contains", []example{{list{a, list{2, 3}}, true}, {list{a, b}, false}, {list{a, nil}, true}, {list{nil, a}, false}})
	checkCalls(t, "mv_intersects", []example{{list{a, b}, true}, {list{a, 9}, false}, {list{a, nil}, false}})
	checkCalls(t, "mv_contains", []example{{list{"a", 1}, refusal("second argument of [%s] must be [keyword], found value [%1] type [integer]")}})
}

func TestNumbersOfValuesAreComputed(t *testing.T) {
	checkCalls(t, "mv_sum", []example{{list{list{1, 2, 3}}, int64(6)}, {list{list{0.1, 0.2}}, 0.30000000000000004}, {list{list{1<<31 - 1, 1}}, refusal("java.lang.ArithmeticException: integer overflow")}})
	checkCalls(t, "mv_avg", []example{{list{list{1, 2}}, 1.5}, {list{list{uint64(1 << 63), uint64(1 << 63)}}, float64(1 << 63)}})
	checkCalls(t, "mv_median", []example{{list{list{5, 1, 9}}, int64(5)}, {list{list{1, 4}}, int64(2)}, {list{list{-1, -4}}, int64(-3)}, {list{list{1.0, 4.0}}, 2.5}})
	checkCalls(t, "mv_median_absolute_deviation", []example{{list{list{0, 2, 5, 6}}, int64(2)}, {list{list{1.0, 2.0, 4.0}}, 1.0}, {list{7}, int64(0)}})
	checkCalls(t, "mv_percentile", []example{
		{list{list{5, 5, 10, 12, 5000}, 50}, int64(10)}, {list{list{1.0, 2.0}, 25}, 1.25}, {list{list{1, 9}, 100}, int64(9)}, {list{3, 0}, int64(3)},
		{list{1, 101}, refusal("java.lang.IllegalArgumentException: Percentile parameter must be a number between 0 and 100, found [101.0]")},
	})
	checkCalls(t, "mv_pseries_weighted_sum", []example{{list{list{4.0, 4.0}, 1.0}, 6.0}})
}

func TestOneValueThatPassesIsEnoughAndNullIsFalse(t *testing.T) {
	checkCalls(t, "mv_like", []example{{list{list{"exec", "fork"}, "f*"}, true}, {list{list{"exec", "fork"}, "x*"}, false}, {list{nil, "*"}, false}})
	checkCalls(t, "mv_rlike", []example{{list{list{"exec", "fork"}, "f.rk"}, true}, {list{list{"exec", "fork"}, "f"}, false}})
	checkCalls(t, "mv_greater", []example{{list{list{1, 5}, 4}, true}, {list{list{1, 5}, 5}, false}, {list{1, nil}, false}, {list{9, list{1, 2}}, false}})
	checkCalls(t, "mv_less", []example{{list{list{1, 5}, 4}, true}, {list{list{1, 5}, 1}, false}})
	checkCalls(t, "mv_in_range", []example{{list{list{1, 5}, 4, 5}, true}, {list{list{0, 100}, 40, 60}, false}, {list{nil, 1, 2}, false}})
}
