// The second judge of the fault run. Built only where Go is at hand (make faults ARGS=--second-judge).
module raftkeeper/secondjudge

go 1.22

require github.com/anishathalye/porcupine v1.3.1
