"""Real trade ticks (LEAN sample data, see SOURCE.md beside them) as CSV for the publisher and as events for the oracle.

Times of the files are milliseconds since local midnight in New York; the CSV keeps local time as text, the oracle
counts from UTC, so that the conversion of one checks the other (October 2013: UTC-4).
"""
import datetime
import os
import zipfile

DAYS = (("AIG", "2013-10-07"), ("SPY", "2013-10-07"), ("SPY", "2013-10-08"))
HEADER = "trade_id,exchange,product,side,status,price,quantity,currency,executed_at\n"
UTC_OFFSET_MS = 4 * 3600 * 1000


def zip_lines(directory, kind, symbol, day):
    path = os.path.join(directory, "us-equity-ticks", kind, f"{symbol.lower()}_{day.replace('-', '')}_trade.zip")
    with zipfile.ZipFile(path) as archive:
        return archive.read(archive.namelist()[0]).decode("ascii").split()


def midnight_ms(day):
    moment = datetime.datetime.fromisoformat(day).replace(tzinfo=datetime.timezone.utc)
    return int(moment.timestamp()) * 1000


def events(directory, days=DAYS):
    """[(time µs, symbol, exchange, price × 10,000, quantity, suspect, id)] in the order of the files."""
    found = []
    for symbol, day in days:
        base = midnight_ms(day) + UTC_OFFSET_MS
        for number, line in enumerate(zip_lines(directory, "trade", symbol, day), 1):
            ms, price, quantity, exchange, _, suspicious = line.split(",")
            found.append(((base + int(ms)) * 1000, symbol, exchange, int(price), int(quantity), suspicious == "1",
                          f"{symbol}-{day}-{number}"))
    return found


def write_csv(directory, path, days=DAYS):
    """Writes the ticks as the publisher reads them; returns the number of rows."""
    rows = 0
    with open(path, "w", encoding="ascii") as out:
        out.write(HEADER)
        for symbol, day in days:
            for number, line in enumerate(zip_lines(directory, "trade", symbol, day), 1):
                ms, price, quantity, exchange, _, suspicious = line.split(",")
                second, milli = divmod(int(ms), 1000)
                clock = f"{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}.{milli:03d}"
                cents = price.rjust(5, "0")
                status = "SUSPECT" if suspicious == "1" else "EXECUTED"
                out.write(f"{symbol}-{day}-{number},{exchange},{symbol},UNKNOWN,{status},{cents[:-4]}.{cents[-4:]},"
                          f"{quantity},USD,{day} {clock}\n")
                rows += 1
    return rows


def vendor_volumes(directory, days=DAYS):
    """{(symbol, minute start µs): volume} of the vendor's own minute bars."""
    found = {}
    for symbol, day in days:
        base = midnight_ms(day) + UTC_OFFSET_MS
        for line in zip_lines(directory, "minute", symbol, day):
            ms, _, _, _, _, volume = line.split(",")
            found[symbol, (base + int(ms)) * 1000] = int(volume)
    return found
