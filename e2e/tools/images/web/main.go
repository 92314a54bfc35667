// Web answers on port 8080 with the status that it was last told to answer with: POST /status/503. It names its pod,
// counts what it was asked, and shows the headers that it was asked with.
package main

import (
	"fmt"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
)

func main() {
	var status, asked atomic.Int64
	status.Store(http.StatusOK)
	name, _ := os.Hostname()
	http.HandleFunc("POST /status/{code}", func(w http.ResponseWriter, r *http.Request) {
		code, err := strconv.Atoi(r.PathValue("code"))
		if err != nil || code < 200 || code > 599 {
			http.Error(w, "a status is 200 to 599", http.StatusBadRequest)
			return
		}
		status.Store(int64(code))
	})
	http.HandleFunc("GET /asked", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, asked.Load()) })
	http.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		// What a check must know to pass, when the pod was given a token.
		if token := os.Getenv("TOKEN"); token != "" && r.Header.Get("Authorization") != "Bearer "+token {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.WriteHeader(int(status.Load()))
		fmt.Fprintln(w, name)
	})
	fmt.Fprintln(os.Stderr, http.ListenAndServe(":8080", nil))
	os.Exit(1)
}
