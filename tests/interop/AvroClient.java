/* The Java Avro library as a client: see tests/integration/test_clients.py for the lines it reads and writes. Every other message
 * is written by the blocking encoder, whose arrays and maps come in blocks with negative counts and their sizes. */
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.apache.avro.Conversions;
import org.apache.avro.LogicalTypes;
import org.apache.avro.Schema;
import org.apache.avro.data.TimeConversions;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.IndexedRecord;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;

public class AvroClient {
    static final GenericData DATA = new GenericData();
    static final ObjectMapper JSON = new ObjectMapper();

    static long micros(Instant time) {
        return Math.addExact(Math.multiplyExact(time.getEpochSecond(), 1000000L), time.getNano() / 1000);
    }

    static Instant instant(long micros) {
        return Instant.ofEpochSecond(Math.floorDiv(micros, 1000000L), Math.floorMod(micros, 1000000L) * 1000);
    }

    /* What stands on a line to what the library takes. */
    static Object value(JsonNode node, Schema type) {
        String logical = type.getLogicalType() == null ? "" : type.getLogicalType().getName();
        switch (logical) {
        case "decimal": return new BigDecimal(new BigInteger(node.asText()), ((LogicalTypes.Decimal)type.getLogicalType()).getScale());
        case "uuid": return UUID.fromString(node.asText());
        case "date": return LocalDate.ofEpochDay(node.longValue());
        case "time-millis": return LocalTime.ofNanoOfDay(node.longValue() * 1000000);
        case "time-micros": return LocalTime.ofNanoOfDay(node.longValue() * 1000);
        case "timestamp-millis": return Instant.ofEpochMilli(node.longValue());
        case "timestamp-micros": return instant(node.longValue());
        case "local-timestamp-micros": return LocalDateTime.ofInstant(instant(node.longValue()), ZoneOffset.UTC);
        default: return plain(node, type);
        }
    }

    static Object plain(JsonNode node, Schema type) {
        switch (type.getType()) {
        case NULL: return null;
        case BOOLEAN: return node.booleanValue();
        case INT: return node.intValue();
        case LONG: return node.longValue();
        case FLOAT: return (float)node.doubleValue();
        case DOUBLE: return node.doubleValue();
        case STRING: return node.asText();
        case BYTES: return ByteBuffer.wrap(HexFormat.of().parseHex(node.asText()));
        case FIXED: return new GenericData.Fixed(type, HexFormat.of().parseHex(node.asText()));
        case ENUM: return new GenericData.EnumSymbol(type, node.asText());
        case ARRAY: {
            List<Object> items = new ArrayList<>();
            node.forEach(item -> items.add(value(item, type.getElementType())));
            return items;
        }
        case MAP: {
            Map<String, Object> items = new LinkedHashMap<>();
            node.fields().forEachRemaining(item -> items.put(item.getKey(), value(item.getValue(), type.getValueType())));
            return items;
        }
        case RECORD: {
            GenericData.Record record = new GenericData.Record(type);
            type.getFields().forEach(field -> record.put(field.name(), value(node.get(field.name()), field.schema())));
            return record;
        }
        default: return branch(node, type);
        }
    }

    static Object branch(JsonNode node, Schema union) {
        String name = node.isNull() ? "null" : node.fieldNames().next();
        Schema type = union.getTypes().get(union.getIndexNamed(name));
        return value(node.isNull() ? node : node.get(name), type);
    }

    /* And back. */
    static Object said(Object value, Schema type) {
        if (type.getType() == Schema.Type.UNION) {
            Schema branch = type.getTypes().get(DATA.resolveUnion(type, value));
            return value == null ? null : Map.of(branch.getFullName(), said(value, branch));
        }
        if (value instanceof BigDecimal decimal) return decimal.unscaledValue().toString();
        if (value instanceof LocalDate date) return date.toEpochDay();
        if (value instanceof LocalTime time) return time.toNanoOfDay() / (type.getLogicalType().getName().equals("time-millis") ? 1000000 : 1000);
        if (value instanceof Instant time) return type.getLogicalType().getName().equals("timestamp-millis") ? time.toEpochMilli() : micros(time);
        if (value instanceof LocalDateTime time) return micros(time.toInstant(ZoneOffset.UTC));
        if (value instanceof ByteBuffer bytes) return HexFormat.of().formatHex(bytes.array(), bytes.position(), bytes.limit());
        if (value instanceof GenericData.Fixed fixed) return HexFormat.of().formatHex(fixed.bytes());
        if (value instanceof Float number) return number.doubleValue();
        if (value instanceof List<?> list) {
            List<Object> items = new ArrayList<>();
            list.forEach(item -> items.add(said(item, type.getElementType())));
            return items;
        }
        Map<String, Object> items = new LinkedHashMap<>();
        if (value instanceof Map<?, ?> map) {
            map.forEach((key, item) -> items.put(key.toString(), said(item, type.getValueType())));
            return items;
        }
        if (value instanceof IndexedRecord record) {
            type.getFields().forEach(field -> items.put(field.name(), said(record.get(field.pos()), field.schema())));
            return items;
        }
        return value instanceof Boolean || value instanceof Number ? value : String.valueOf(value);
    }

    static String encode(Schema schema, String line, boolean blocks) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        EncoderFactory factory = new EncoderFactory().configureBlockSize(64);
        BinaryEncoder encoder = blocks ? factory.blockingBinaryEncoder(out, null) : factory.binaryEncoder(out, null);
        new GenericDatumWriter<Object>(schema, DATA).write(value(JSON.readTree(line), schema), encoder);
        encoder.flush();
        return HexFormat.of().formatHex(out.toByteArray());
    }

    static String decode(Schema schema, String hex) throws IOException {
        Object value = new GenericDatumReader<Object>(schema, schema, DATA)
            .read(null, DecoderFactory.get().binaryDecoder(HexFormat.of().parseHex(hex), null));
        return JSON.writeValueAsString(said(value, schema));
    }

    public static void main(String[] args) throws IOException {
        DATA.addLogicalTypeConversion(new Conversions.DecimalConversion());
        DATA.addLogicalTypeConversion(new Conversions.UUIDConversion());
        DATA.addLogicalTypeConversion(new TimeConversions.DateConversion());
        DATA.addLogicalTypeConversion(new TimeConversions.TimeMillisConversion());
        DATA.addLogicalTypeConversion(new TimeConversions.TimeMicrosConversion());
        DATA.addLogicalTypeConversion(new TimeConversions.TimestampMillisConversion());
        DATA.addLogicalTypeConversion(new TimeConversions.TimestampMicrosConversion());
        DATA.addLogicalTypeConversion(new TimeConversions.LocalTimestampMicrosConversion());
        Schema schema = new Schema.Parser().parse(new File(args[0]));
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        int count = 0;
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            System.out.println(line.startsWith("E ") ? encode(schema, line.substring(2), count++ % 2 == 1) : decode(schema, line.substring(2)));
        }
    }
}
