print("trucksensor")
