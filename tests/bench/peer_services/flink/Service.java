import java.io.IOException;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.specific.SpecificDatumReader;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.AggregateFunction;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.operators.ProcessingTimeService;
import org.apache.flink.api.common.serialization.DeserializationSchema;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.core.execution.CheckpointingMode;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.streaming.api.functions.windowing.ProcessWindowFunction;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.triggers.Trigger;
import org.apache.flink.streaming.api.windowing.triggers.TriggerResult;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;
import redis.clients.jedis.Jedis;
import redis.clients.jedis.Pipeline;

/** Flink in one process. Usage: Service BOOTSTRAP REDIS_PORT TOPIC GROUP CHECKPOINT_DIR FLUSH_MS window|process */
public class Service {
    static final long WINDOW_MS = 60000;
    static int redisPort;
    static long flushMs;

    /** What goes from source to window: only the fields that are needed there. */
    public static class Event {
        public String group;
        public long at, quantity;
        public double price;
    }

    public static class Pane {
        public long start, count, volume;
        public double low = Double.POSITIVE_INFINITY, high = Double.NEGATIVE_INFINITY, total;

        void begin(long at) {
            start = at;
            count = volume = 0;
            total = 0;
            low = Double.POSITIVE_INFINITY;
            high = Double.NEGATIVE_INFINITY;
        }

        void add(Event event) {
            count++;
            volume += event.quantity;
            total += event.price * event.quantity;
            low = Math.min(low, event.price);
            high = Math.max(high, event.price);
        }
    }

    public static class View {
        public String group;
        public long start, count, volume;
        public double low, high, vwap;

        static View of(String group, long start, Pane pane) {
            View view = new View();
            view.group = group;
            view.start = start;
            view.count = pane.count;
            view.volume = pane.volume;
            view.low = pane.low;
            view.high = pane.high;
            view.vwap = pane.total / pane.volume;
            return view;
        }
    }

    static class Decode implements DeserializationSchema<Event> {
        transient SpecificDatumReader<peers.Trade> reader;
        transient BinaryDecoder decoder;
        transient peers.Trade trade;

        public void open(InitializationContext context) {
            reader = new SpecificDatumReader<>(peers.Trade.class);
            trade = new peers.Trade();
        }

        public Event deserialize(byte[] bytes) throws IOException {
            decoder = DecoderFactory.get().binaryDecoder(bytes, decoder);
            trade = reader.read(trade, decoder);
            Event event = new Event();
            event.group = trade.getExchange() + ":" + trade.getProduct();
            event.at = trade.getExecutedAt();
            event.price = trade.getPrice();
            event.quantity = trade.getQuantity();
            return event;
        }

        public boolean isEndOfStream(Event event) {
            return false;
        }

        public TypeInformation<Event> getProducedType() {
            return TypeInformation.of(Event.class);
        }
    }

    // ---- by the window operator ----

    static class Add implements AggregateFunction<Event, Pane, Pane> {
        public Pane createAccumulator() {
            return new Pane();
        }

        public Pane add(Event event, Pane pane) {
            pane.add(event);
            return pane;
        }

        public Pane getResult(Pane pane) {
            return pane;
        }

        public Pane merge(Pane a, Pane b) {
            throw new UnsupportedOperationException("tumbling windows are not merged");
        }
    }

    static class Emit extends ProcessWindowFunction<Pane, View, String, TimeWindow> {
        public void process(String group, Context context, Iterable<Pane> panes, Collector<View> out) {
            out.collect(View.of(group, context.window().getStart(), panes.iterator().next()));
        }
    }

    /** Fires each changed pane every flush_ms, at the end of its window, and for what comes late. */
    static class Early extends Trigger<Object, TimeWindow> {
        final ValueStateDescriptor<Boolean> armed = new ValueStateDescriptor<>("armed", Boolean.class);
        final long everyMs = flushMs;

        public TriggerResult onElement(Object event, long at, TimeWindow window, TriggerContext context) throws Exception {
            if (window.maxTimestamp() <= context.getCurrentWatermark()) {
                return TriggerResult.FIRE;
            }
            ValueState<Boolean> state = context.getPartitionedState(armed);
            if (state.value() == null) {
                state.update(true);
                long now = context.getCurrentProcessingTime();
                context.registerProcessingTimeTimer(now - now % everyMs + everyMs);
                context.registerEventTimeTimer(window.maxTimestamp());
            }
            return TriggerResult.CONTINUE;
        }

        public TriggerResult onProcessingTime(long at, TimeWindow window, TriggerContext context) throws Exception {
            context.getPartitionedState(armed).clear();
            return TriggerResult.FIRE;
        }

        public TriggerResult onEventTime(long at, TimeWindow window, TriggerContext context) {
            return at == window.maxTimestamp() ? TriggerResult.FIRE : TriggerResult.CONTINUE;
        }

        public void clear(TimeWindow window, TriggerContext context) throws Exception {
            context.getPartitionedState(armed).clear();
            context.deleteEventTimeTimer(window.maxTimestamp());
        }
    }

    // ---- by hand, in a process function ----

    public static class Two {
        public Pane current, previous;
        public boolean armed;
    }

    /** Keeps a group's newest window and the one before; emits a changed group every flush_ms. */
    static class ByHand extends KeyedProcessFunction<String, Event, View> {
        transient ValueState<Two> state;
        final long everyMs = flushMs;

        public void open(OpenContext context) {
            state = getRuntimeContext().getState(new ValueStateDescriptor<>("two", Two.class));
        }

        public void processElement(Event event, Context context, Collector<View> out) throws Exception {
            Two two = state.value();
            long start = event.at - Math.floorMod(event.at, WINDOW_MS);
            if (two == null) {
                two = new Two();
                two.current = new Pane();
                two.current.begin(start);
            }
            if (start > two.current.start) {
                Pane free = two.previous == null ? new Pane() : two.previous;
                two.previous = two.current;
                two.current = free;
                two.current.begin(start);
            }
            if (start == two.current.start) {
                two.current.add(event);
            } else if (two.previous != null && start == two.previous.start) {
                two.previous.add(event);
            }
            if (!two.armed) {
                two.armed = true;
                long now = context.timerService().currentProcessingTime();
                context.timerService().registerProcessingTimeTimer(now - now % everyMs + everyMs);
            }
            state.update(two);
        }

        public void onTimer(long at, OnTimerContext context, Collector<View> out) throws Exception {
            Two two = state.value();
            two.armed = false;
            state.update(two);
            out.collect(View.of(context.getCurrentKey(), two.current.start, two.current));
        }
    }

    // ---- Redis ----

    /** The newest view of each group; a pipeline of them every flush_ms and at each checkpoint. */
    static class RedisSink implements Sink<View> {
        final int port = redisPort;
        final long everyMs = flushMs;

        public SinkWriter<View> createWriter(WriterInitContext context) {
            return new Writer(port, everyMs, context.getProcessingTimeService());
        }
    }

    static class Writer implements SinkWriter<View> {
        final Jedis redis;
        final long everyMs;
        final ProcessingTimeService timers;
        final HashMap<String, View> dirty = new HashMap<>();
        final HashMap<String, Long> newest = new HashMap<>();

        Writer(int port, long everyMs, ProcessingTimeService timers) {
            this.redis = new Jedis("127.0.0.1", port);
            this.everyMs = everyMs;
            this.timers = timers;
            arm();
        }

        void arm() {
            timers.registerTimer(timers.getCurrentProcessingTime() + everyMs, at -> {
                flush(false);
                arm();
            });
        }

        public void write(View view, Context context) {
            if (newest.merge(view.group, view.start, Math::max) == view.start) {
                dirty.put(view.group, view);
            }
        }

        public void flush(boolean end) {
            if (dirty.isEmpty()) {
                return;
            }
            Pipeline pipeline = redis.pipelined();
            for (View view : dirty.values()) {
                Map<String, String> hash = new HashMap<>(12);
                hash.put("count", Long.toString(view.count));
                hash.put("volume", Long.toString(view.volume));
                hash.put("low", Double.toString(view.low));
                hash.put("high", Double.toString(view.high));
                hash.put("vwap", Double.toString(view.vwap));
                hash.put("window_start", Long.toString(view.start));
                pipeline.hset("peer:" + view.group, hash);
            }
            pipeline.sync();
            dirty.clear();
        }

        public void close() {
            redis.close();
        }
    }

    static StreamExecutionEnvironment environment(String checkpoints) {
        Configuration c = new Configuration();
        c.setString("state.backend.type", "hashmap");
        c.setString("execution.checkpointing.storage", "filesystem");
        c.setString("execution.checkpointing.dir", new java.io.File(checkpoints).toURI().toString());
        c.setString("rest.port", "0");
        c.setString("taskmanager.numberOfTaskSlots", "2");
        c.setString("pipeline.object-reuse", "true");
        StreamExecutionEnvironment environment = StreamExecutionEnvironment.createLocalEnvironment(2, c);
        environment.setBufferTimeout(Math.min(flushMs, 100));
        environment.enableCheckpointing(1000, CheckpointingMode.EXACTLY_ONCE);
        return environment;
    }

    public static void main(String[] args) throws Exception {
        redisPort = Integer.parseInt(args[1]);
        flushMs = Long.parseLong(args[5]);
        StreamExecutionEnvironment environment = environment(args[4]);
        KafkaSource<Event> source = KafkaSource.<Event>builder().setBootstrapServers(args[0]).setTopics(args[2]).setGroupId(args[3])
            .setStartingOffsets(OffsetsInitializer.earliest()).setProperty("max.poll.records", "5000")
            .setDeserializer(KafkaRecordDeserializationSchema.valueOnly(new Decode())).build();
        WatermarkStrategy<Event> watermarks = WatermarkStrategy.<Event>forBoundedOutOfOrderness(Duration.ofSeconds(5))
            .withTimestampAssigner((event, at) -> event.at);
        var groups = environment.fromSource(source, watermarks, "trades").keyBy(event -> event.group);
        var views = args[6].equals("process") ? groups.process(new ByHand())
            : groups.window(TumblingEventTimeWindows.of(Duration.ofMinutes(1))).allowedLateness(Duration.ofSeconds(10))
                .trigger(new Early()).aggregate(new Add(), new Emit());
        views.sinkTo(new RedisSink());
        environment.execute("trades");
    }
}
