package bad

type C chan int

var _ C
