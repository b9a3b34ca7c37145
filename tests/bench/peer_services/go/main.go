// A hand-written service: franz-go, hamba/avro, rueidis; one process, state in memory.
//
// Usage: service BOOTSTRAP REDIS_PORT TOPIC GROUP SCHEMA FLUSH_MS
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/hamba/avro/v2"
	"github.com/redis/rueidis"
	"github.com/twmb/franz-go/pkg/kgo"
)

const windowMs = 60000

type trade struct {
	TradeID    string  `avro:"trade_id"`
	Exchange   string  `avro:"exchange"`
	Product    string  `avro:"product"`
	ExecutedAt int64   `avro:"executed_at"`
	Price      float64 `avro:"price"`
	Quantity   int64   `avro:"quantity"`
	Side       string  `avro:"side"`
}

type group struct{ exchange, product string }

type window struct {
	start, count, volume int64
	low, high, total     float64
}

// The newest window of a group and the one before it, for what comes late.
type state struct {
	current, previous window
	dirty             bool
}

type change struct {
	group group
	state *state
}

type service struct {
	schema avro.Schema
	kafka  *kgo.Client
	redis  rueidis.Client
	groups map[group]*state
	dirty  []change
	trade  trade
}

func (w *window) add(price float64, quantity int64) {
	w.count++
	w.volume += quantity
	w.total += price * float64(quantity)
	if price < w.low {
		w.low = price
	}
	if price > w.high {
		w.high = price
	}
}

func (s *service) take(record *kgo.Record) {
	t := &s.trade
	check(avro.Unmarshal(s.schema, record.Value, t))
	g := group{t.Exchange, t.Product}
	st := s.groups[g]
	if st == nil {
		st = &state{}
		s.groups[g] = st
	}
	start := t.ExecutedAt - t.ExecutedAt%windowMs
	switch {
	case start > st.current.start:
		st.previous = st.current
		st.current = window{start: start, low: t.Price, high: t.Price}
		st.current.add(t.Price, t.Quantity)
	case start == st.current.start:
		st.current.add(t.Price, t.Quantity)
	case start == st.previous.start:
		st.previous.add(t.Price, t.Quantity)
	}
	if !st.dirty {
		st.dirty = true
		s.dirty = append(s.dirty, change{g, st})
	}
}

func text(value float64) string { return strconv.FormatFloat(value, 'f', -1, 64) }

func (s *service) flush(ctx context.Context) {
	commands := make(rueidis.Commands, 0, len(s.dirty))
	for _, d := range s.dirty {
		w := &d.state.current
		commands = append(commands, s.redis.B().Hset().Key("peer:"+d.group.exchange+":"+d.group.product).FieldValue().
			FieldValue("count", strconv.FormatInt(w.count, 10)).
			FieldValue("volume", strconv.FormatInt(w.volume, 10)).
			FieldValue("low", text(w.low)).
			FieldValue("high", text(w.high)).
			FieldValue("vwap", text(w.total/float64(w.volume))).
			FieldValue("window_start", strconv.FormatInt(w.start, 10)).Build())
		d.state.dirty = false
	}
	s.dirty = s.dirty[:0]
	for _, result := range s.redis.DoMulti(ctx, commands...) {
		check(result.Error())
	}
	check(s.kafka.CommitUncommittedOffsets(ctx))
}

func (s *service) run(ctx context.Context, every time.Duration) {
	flushed := time.Now()
	for ctx.Err() == nil {
		until, cancel := context.WithDeadline(ctx, flushed.Add(every))
		fetches := s.kafka.PollRecords(until, 10000)
		cancel()
		fetches.EachRecord(s.take)
		if time.Since(flushed) >= every {
			flushed = time.Now()
			if len(s.dirty) > 0 {
				s.flush(context.Background())
			}
		}
	}
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "service:", err)
		os.Exit(1)
	}
}

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	schema, err := avro.ParseFiles(os.Args[5])
	check(err)
	flushMs, err := strconv.Atoi(os.Args[6])
	check(err)
	kafka, err := kgo.NewClient(kgo.SeedBrokers(os.Args[1]), kgo.ConsumerGroup(os.Args[4]), kgo.ConsumeTopics(os.Args[3]),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit(), kgo.FetchMaxWait(50*time.Millisecond))
	check(err)
	defer kafka.Close()
	redis, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{"127.0.0.1:" + os.Args[2]}, DisableCache: true})
	check(err)
	defer redis.Close()
	s := service{schema: schema, kafka: kafka, redis: redis, groups: map[group]*state{}}
	s.run(ctx, time.Duration(flushMs)*time.Millisecond)
}
