// The whole program is `Entry.run`: this file only ends the process with what it says.
import Foundation

exit(Entry.run(Array(CommandLine.arguments.dropFirst())))
