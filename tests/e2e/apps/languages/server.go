// The server of the language suite in Go: HTTP on PORT, a banner and an echo on TCP_PORT.
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

var (
	mutex    sync.Mutex
	attempts = map[string]int{}
)

func handle(response http.ResponseWriter, request *http.Request) {
	body, _ := io.ReadAll(request.Body)
	path := request.URL.Path
	switch {
	case path == "/length":
		fmt.Fprint(response, len(body))
	case strings.HasPrefix(path, "/status/"):
		status, _ := strconv.Atoi(path[8:])
		response.WriteHeader(status)
		fmt.Fprint(response, "status")
	case path == "/slow":
		time.Sleep(2 * time.Second)
		fmt.Fprint(response, "slow")
	case path == "/flaky":
		mutex.Lock()
		id := request.Header.Get("x-id")
		attempts[id]++
		seen := attempts[id]
		mutex.Unlock()
		if seen < 3 {
			response.WriteHeader(503)
		}
		fmt.Fprintf(response, "attempt %d", seen)
	case path == "/stream":
		for i := 0; i < 5; i++ {
			fmt.Fprintf(response, "part %d\n", i)
			response.(http.Flusher).Flush()
		}
	default:
		fmt.Fprintf(response, "go %s %s\n", request.Method, request.URL.RequestURI())
		for name, values := range request.Header {
			fmt.Fprintf(response, "%s: %s\n", strings.ToLower(name), strings.Join(values, ","))
		}
	}
}

func echo(connection net.Conn) {
	defer connection.Close()
	fmt.Fprint(connection, "go\n")
	io.Copy(connection, connection)
}

func main() {
	host := os.Getenv("BIND_ADDRESS")
	listener, err := net.Listen("tcp", net.JoinHostPort(host, os.Getenv("TCP_PORT")))
	if err != nil {
		panic(err)
	}
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go echo(connection)
		}
	}()
	panic(http.ListenAndServe(net.JoinHostPort(host, os.Getenv("PORT")), http.HandlerFunc(handle)))
}
