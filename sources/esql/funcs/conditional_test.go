package funcs

import "testing"

func TestTheFirstThatIsNotNullStands(t *testing.T) {
	checkCalls(t, "coalesce", []example{{list{nil, "a", "b"}, "a"}, {list{nil, list{"a", "b"}}, list{"a", "b"}}, {list{nil, nil}, nil}, {list{""}, ""},
		{list{1, "a"}, refusal("second argument of [%s] must be [integer], found value [%1] type [keyword]")}})
}

func TestTheLargestAndSmallestOfAllValuesStand(t *testing.T) {
	checkCalls(t, "greatest", []example{{list{1, 3, 2}, int64(3)}, {list{list{1, 9}, 3}, int64(9)}, {list{"a", nil}, nil}, {list{"a", "b"}, "b"}, {list{false, true}, true}})
	checkCalls(t, "least", []example{{list{1.5, 0.5}, 0.5}, {list{list{4, 2}, 3}, int64(2)}, {list{"a"}, "a"}})
}
