import java.io.IOException;
import java.io.ByteArrayOutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.specific.SpecificDatumReader;
import org.apache.avro.specific.SpecificDatumWriter;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.kstream.Windowed;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.TimestampExtractor;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.Stores;
import org.apache.kafka.streams.state.WindowBytesStoreSupplier;
import org.apache.kafka.streams.state.WindowStore;
import peers.Trade;
import redis.clients.jedis.Jedis;
import redis.clients.jedis.Pipeline;

/** Kafka Streams, exactly-once. Usage: Service BOOTSTRAP REDIS_PORT TOPIC GROUP STATE_DIR FLUSH_MS papi|dsl GRACE_S */
public class Service {
    static final long WINDOW_MS = 60000;
    static int redisPort;
    static long flushMs, graceMs;

    static final class Window {
        long count, volume;
        double low = Double.POSITIVE_INFINITY, high = Double.NEGATIVE_INFINITY, total;

        Window add(Trade trade) {
            double price = trade.getPrice();
            long quantity = trade.getQuantity();
            count++;
            volume += quantity;
            total += price * quantity;
            low = Math.min(low, price);
            high = Math.max(high, price);
            return this;
        }
    }

    static final class WindowSerde implements Serde<Window> {
        public Serializer<Window> serializer() {
            return (topic, w) -> w == null ? null
                : ByteBuffer.allocate(40).putLong(w.count).putLong(w.volume).putDouble(w.low).putDouble(w.high).putDouble(w.total).array();
        }

        public Deserializer<Window> deserializer() {
            return (topic, bytes) -> {
                if (bytes == null) {
                    return null;
                }
                ByteBuffer in = ByteBuffer.wrap(bytes);
                Window w = new Window();
                w.count = in.getLong();
                w.volume = in.getLong();
                w.low = in.getDouble();
                w.high = in.getDouble();
                w.total = in.getDouble();
                return w;
            };
        }
    }

    /** All stream threads share one serde, so readers and buffers are a thread's own. */
    static final class TradeSerde implements Serde<Trade> {
        static final class Own {
            final SpecificDatumReader<Trade> reader = new SpecificDatumReader<>(Trade.class);
            final SpecificDatumWriter<Trade> writer = new SpecificDatumWriter<>(Trade.class);
            final ByteArrayOutputStream out = new ByteArrayOutputStream(128);
            BinaryDecoder decoder;
            BinaryEncoder encoder;
        }

        final ThreadLocal<Own> own = ThreadLocal.withInitial(Own::new);

        public Serializer<Trade> serializer() {
            return (topic, trade) -> {
                Own o = own.get();
                try {
                    o.out.reset();
                    o.encoder = EncoderFactory.get().directBinaryEncoder(o.out, o.encoder);
                    o.writer.write(trade, o.encoder);
                    o.encoder.flush();
                    return o.out.toByteArray();
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            };
        }

        public Deserializer<Trade> deserializer() {
            return (topic, bytes) -> {
                Own o = own.get();
                try {
                    o.decoder = DecoderFactory.get().binaryDecoder(bytes, o.decoder);
                    return o.reader.read(null, o.decoder);
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            };
        }
    }

    static final class EventTime implements TimestampExtractor {
        public long extract(ConsumerRecord<Object, Object> record, long partitionTime) {
            return ((Trade) record.value()).getExecutedAt();
        }
    }

    /** The newest window of each group that changed; a pipeline of them every flushMs. */
    static final class Shown {
        static final class Change {
            long start = -1;
            Window window;
        }

        final Jedis redis = new Jedis("127.0.0.1", redisPort);
        final HashMap<String, Change> dirty = new HashMap<>();
        final HashMap<String, Long> newest = new HashMap<>();

        void put(String group, long start, Window window) {
            Change change = dirty.computeIfAbsent(group, g -> new Change());
            if (start >= change.start) {
                change.start = start;
                change.window = window;
            }
        }

        void flush() {
            if (dirty.isEmpty()) {
                return;
            }
            Pipeline pipeline = redis.pipelined();
            dirty.forEach((group, change) -> {
                if (newest.getOrDefault(group, -1L) > change.start) {
                    return;
                }
                newest.put(group, change.start);
                Window w = change.window;
                Map<String, String> hash = new HashMap<>(12);
                hash.put("count", Long.toString(w.count));
                hash.put("volume", Long.toString(w.volume));
                hash.put("low", Double.toString(w.low));
                hash.put("high", Double.toString(w.high));
                hash.put("vwap", Double.toString(w.total / w.volume));
                hash.put("window_start", Long.toString(change.start));
                pipeline.hset("peer:" + group, hash);
            });
            pipeline.sync();
            dirty.clear();
        }

        void close() {
            flush();
            redis.close();
        }
    }

    /** Behind the DSL: takes what aggregate() hands on. */
    static final class Sink implements Processor<Windowed<String>, Window, Void, Void> {
        Shown shown;

        public void init(ProcessorContext<Void, Void> context) {
            shown = new Shown();
            context.schedule(Duration.ofMillis(flushMs), PunctuationType.WALL_CLOCK_TIME, t -> shown.flush());
        }

        public void process(Record<Windowed<String>, Window> record) {
            shown.put(record.key().key(), record.key().window().start(), record.value());
        }

        public void close() {
            shown.close();
        }
    }

    /** The whole job by hand, in a window store. The record's key is the product already: no repartition topic. */
    static final class Job implements Processor<String, Trade, Void, Void> {
        WindowStore<String, Window> store;
        Shown shown;
        long newest = Long.MIN_VALUE;

        public void init(ProcessorContext<Void, Void> context) {
            store = context.getStateStore("windows");
            shown = new Shown();
            context.schedule(Duration.ofMillis(flushMs), PunctuationType.WALL_CLOCK_TIME, t -> shown.flush());
        }

        public void process(Record<String, Trade> record) {
            Trade trade = record.value();
            long start = record.timestamp() - record.timestamp() % WINDOW_MS;
            newest = Math.max(newest, record.timestamp());
            if (start + WINDOW_MS + graceMs <= newest) {
                return;
            }
            String group = trade.getExchange() + ":" + trade.getProduct();
            Window window = store.fetch(group, start);
            window = (window == null ? new Window() : window).add(trade);
            store.put(group, window, start);
            shown.put(group, start, window);
        }

        public void close() {
            shown.close();
        }
    }

    static Properties settings(String bootstrap, String group, String directory) {
        Properties p = new Properties();
        p.put("bootstrap.servers", bootstrap);
        p.put("application.id", group);
        p.put("state.dir", directory);
        p.put("num.stream.threads", "2");
        p.put("processing.guarantee", "exactly_once_v2");
        p.put("commit.interval.ms", String.valueOf(Math.max(flushMs, 100)));
        p.put("statestore.cache.max.bytes", String.valueOf(64 << 20));
        p.put("auto.offset.reset", "earliest");
        p.put("replication.factor", "1");
        p.put("max.poll.records", "5000");
        p.put("linger.ms", String.valueOf(Math.min(flushMs, 50)));
        p.put("batch.size", "65536");
        p.put("topology.optimization", "all");
        return p;
    }

    static void dsl(KStream<String, Trade> trades, WindowBytesStoreSupplier store) {
        trades.groupBy((key, t) -> t.getExchange() + ":" + t.getProduct(), Grouped.with("groups", Serdes.String(), new TradeSerde()))
            .windowedBy(TimeWindows.ofSizeAndGrace(Duration.ofMillis(WINDOW_MS), Duration.ofMillis(graceMs)))
            .aggregate(Window::new, (group, trade, window) -> window.add(trade),
                Materialized.<String, Window>as(store).withKeySerde(Serdes.String()).withValueSerde(new WindowSerde()).withCachingEnabled())
            .toStream().process(Sink::new);
    }

    static void papi(StreamsBuilder builder, KStream<String, Trade> trades, WindowBytesStoreSupplier store) {
        builder.addStateStore(Stores.windowStoreBuilder(store, Serdes.String(), new WindowSerde()).withCachingEnabled().withLoggingEnabled(Map.of()));
        trades.process(Job::new, "windows");
    }

    public static void main(String[] args) throws Exception {
        redisPort = Integer.parseInt(args[1]);
        flushMs = Long.parseLong(args[5]);
        graceMs = 1000 * Long.parseLong(args[7]);
        Properties settings = settings(args[0], args[3], args[4]);
        StreamsBuilder builder = new StreamsBuilder();
        KStream<String, Trade> trades =
            builder.stream(args[2], Consumed.with(Serdes.String(), new TradeSerde()).withTimestampExtractor(new EventTime()));
        WindowBytesStoreSupplier store = Stores.inMemoryWindowStore("windows", Duration.ofMillis(graceMs).plusMinutes(5),
            Duration.ofMillis(WINDOW_MS), false);
        if (args[6].equals("dsl")) {
            dsl(trades, store);
        } else {
            papi(builder, trades, store);
        }
        KafkaStreams streams = new KafkaStreams(builder.build(settings), settings);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> streams.close(Duration.ofSeconds(8))));
        streams.start();
        Thread.currentThread().join();
    }
}
