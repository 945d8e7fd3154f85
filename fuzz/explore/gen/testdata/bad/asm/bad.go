package bad

func F()
