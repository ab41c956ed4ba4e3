import ArgumentParser
import MusterServer
print("x")
