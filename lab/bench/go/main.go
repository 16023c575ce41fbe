// The grpc-go pair of the bench: "server NAME" and "client ADDRESS,ADDRESS,...". Both are told what to do by lines on
// standard input, answer with lines of JSON, and end when it is closed.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math/rand"
	"net"
	"os"
	"runtime"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	pb "bench/v1"

	"google.golang.org/grpc"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
)

type server struct {
	pb.BenchServiceServer
	name string
	mu   sync.Mutex
	rand *rand.Rand
}

// Echo waits as the handlers of all contenders do (work.ts).
func (s *server) Echo(_ context.Context, in *pb.EchoRequest) (*pb.EchoResponse, error) {
	s.mu.Lock()
	chance := s.rand.Float64()
	s.mu.Unlock()
	if chance < 0.1 {
		time.Sleep(time.Millisecond)
	} else {
		for turns := int(chance * 4); turns > 0; turns-- {
			runtime.Gosched()
		}
	}
	return &pb.EchoResponse{Order: in.Order, Server: s.name}, nil
}

func usage() (cpuUs int64, writes int64) {
	var used syscall.Rusage
	must(syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	cpuUs = (used.Utime.Sec+used.Stime.Sec)*1e6 + int64(used.Utime.Usec+used.Stime.Usec)
	text, err := os.ReadFile("/proc/self/io")
	must(err)
	for _, line := range strings.Split(string(text), "\n") {
		fmt.Sscanf(line, "syscw: %d", &writes)
	}
	return
}

func serve(name string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	s := grpc.NewServer()
	pb.RegisterBenchServiceServer(s, &server{name: name, rand: rand.New(rand.NewSource(int64(len(name))))})
	go func() { must(s.Serve(listener)) }()
	answer(map[string]interface{}{"version": grpc.Version, "port": listener.Addr().(*net.TCPAddr).Port})
	lines(func(string) {
		runtime.GC()
		cpuUs, writes := usage()
		answer(map[string]interface{}{"cpuUs": cpuUs, "writes": writes})
	})
}

func call(addresses []string) {
	builder := manual.NewBuilderWithScheme("bench")
	state := resolver.State{}
	for _, address := range addresses {
		state.Addresses = append(state.Addresses, resolver.Address{Addr: address})
	}
	builder.InitialState(state)
	connection, err := grpc.Dial("bench:///bench", grpc.WithInsecure(), grpc.WithResolvers(builder),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"round_robin":{}}]}`))
	must(err)
	stub := pb.NewBenchServiceClient(connection)
	answer(map[string]interface{}{"version": grpc.Version, "port": 0})
	lines(func(line string) {
		var callers, ms int
		_, err := fmt.Sscanf(line, "%d %d", &callers, &ms)
		must(err)
		block(stub, callers, ms)
	})
}

func block(stub pb.BenchServiceClient, callers, ms int) {
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	cpuUs, writes := usage()
	begin := time.Now()
	end := begin.Add(time.Duration(ms) * time.Millisecond)
	var n int64
	took := make([][]float64, callers)
	var wait sync.WaitGroup
	for caller := 0; caller < callers; caller++ {
		wait.Add(1)
		go func(caller int) {
			defer wait.Done()
			for time.Now().Before(end) {
				start := time.Now()
				_, err := stub.Echo(context.Background(), &pb.EchoRequest{Order: order(int(atomic.AddInt64(&n, 1)))})
				must(err)
				took[caller] = append(took[caller], float64(time.Since(start).Nanoseconds())/1e6)
			}
		}(caller)
	}
	wait.Wait()
	seconds := time.Since(begin).Seconds()
	cpuAfter, writesAfter := usage()
	runtime.ReadMemStats(&after)
	var all []float64
	for _, some := range took {
		all = append(all, some...)
	}
	sort.Float64s(all)
	calls := float64(len(all))
	answer(map[string]interface{}{
		"calls": calls, "perSecond": calls / seconds, "clientUs": float64(cpuAfter-cpuUs) / calls,
		"allocBytes": float64(after.TotalAlloc-before.TotalAlloc) / calls,
		"p50Ms":      all[len(all)/2], "p99Ms": all[len(all)*99/100], "callsPerWrite": calls / float64(writesAfter-writes),
	})
}

// The same order that the other contenders send (work.ts).
func order(n int) *pb.Order {
	return &pb.Order{
		OrderId: fmt.Sprintf("ord_01M7Y69NH6S4YJBN90QZC%d", 10000+n%64), CustomerId: fmt.Sprintf("cus_01M7Y6A2C3RZ9V5W8XQ%d", 100000+n%64),
		Currency: "EUR", PlacedAtMs: 1795000000000, Gift: n%2 == 0, WeightKg: 0.25,
		Lines: []*pb.Line{
			{Sku: "TEA-GREEN-LOOSE", Quantity: 2, PriceMinorUnits: 450},
			{Sku: "MUG-WHITE-300ML", Quantity: 1, PriceMinorUnits: 1200},
			{Sku: "SPOON-BAMBOO", Quantity: 2, PriceMinorUnits: 190},
		},
	}
}

func lines(each func(string)) {
	input := bufio.NewScanner(os.Stdin)
	for input.Scan() {
		each(input.Text())
	}
	os.Exit(0)
}

func answer(what interface{}) {
	text, err := json.Marshal(what)
	must(err)
	fmt.Println(string(text))
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == "server" {
		serve(os.Args[2])
	} else if len(os.Args) == 3 && os.Args[1] == "client" {
		call(strings.Split(os.Args[2], ","))
	} else {
		must(fmt.Errorf("usage: bench server NAME | client ADDRESS,ADDRESS"))
	}
}
