package bad

func F(c chan int) {}

func G() { go F(nil) }
