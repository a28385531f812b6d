import Host

/// A comparison as one HTML page that needs nothing else: no other file, no network.
///
/// The report is in it as JSON, and a script draws it with text nodes only, so that no path or content of an image can
/// become markup. A Content-Security-Policy forbids every request.
public enum ComparisonPage {
    public static func html(_ report: ComparisonReport) -> String {
        // In a script element only "</script" and "<!--" matter; no "<" is the simplest.
        let data = JSONText.of(report).replacing("<", with: "\\u003c")
        return """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>rtverify compare</title>
            <style>\(style)</style>
            </head>
            <body>
            <h1 id="verdict"></h1>
            <dl id="sides"></dl>
            <section id="causes"><h2>By cause</h2><table><thead><tr><th>differences</th><th>cause</th><th>package</th><th>reason</th><th>remedy</th></tr></thead><tbody></tbody></table></section>
            <section id="maps"><h2>By package and size</h2><p>Area is what a package's files take; orange ones differ. A click filters.</p><div class="pair"><figure><figcaption>A</figcaption><div class="map" id="map-a"></div></figure><figure><figcaption>B</figcaption><div class="map" id="map-b"></div></figure></div></section>
            <section id="differences"><h2>Differences</h2>
            <form><input type="search" id="filter" placeholder="path, package or cause" aria-label="Filter">
            <select id="kind" aria-label="Kind"><option value="">every kind</option></select>
            <label><input type="checkbox" id="security"> security only</label> <output id="count"></output></form>
            <ol id="list"></ol><button type="button" id="more">Show more</button></section>
            <script type="application/json" id="report">\(data)</script>
            <script>\(script)</script>
            </body>
            </html>

            """
    }

    private static let style = """
        :root{color-scheme:light dark;--line:#8884;--same:#8ab4d8;--differs:#f0a04b;--minus:#c33;--plus:#293}
        body{font:15px/1.45 system-ui,sans-serif;margin:1.5rem auto;max-width:75rem;padding:0 1rem}
        h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}
        dl{display:grid;grid-template-columns:auto 1fr;gap:0 1rem}dd{margin:0;overflow-wrap:anywhere}
        table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid var(--line);padding:.25rem .5rem;text-align:left;vertical-align:top}
        td:first-child{text-align:right}
        .pair{display:flex;gap:1rem}figure{flex:1;margin:0}.map{position:relative;overflow:hidden;height:20rem;border:1px solid var(--line)}
        .map button{position:absolute;border:1px solid #fff8;background:var(--same);color:#000;font:11px system-ui;overflow:hidden;padding:1px 3px;text-align:left;cursor:pointer}
        .map button.differs{background:var(--differs)}
        ol{list-style:none;padding:0}li{border-bottom:1px solid var(--line);padding:.4rem 0}
        code,pre{font:13px/1.35 ui-monospace,monospace;overflow-wrap:anywhere}pre{margin:.3rem 0;overflow-x:auto;white-space:pre}
        .minus{color:var(--minus)}.plus{color:var(--plus)}.tag{border:1px solid var(--line);border-radius:.6rem;font-size:12px;margin-left:.4rem;padding:0 .45rem}
        .security{border-color:var(--minus);color:var(--minus)}form{display:flex;flex-wrap:wrap;gap:.8rem;align-items:center}
        input[type=search]{flex:1;min-width:14rem;padding:.3rem}
        """

    private static let script = """
        "use strict";
        const report = JSON.parse(document.getElementById("report").textContent);
        const byId = (id) => document.getElementById(id);
        const element = (name, text, className) => {
          const node = document.createElement(name);
          if (text !== undefined && text !== null) node.textContent = text;
          if (className) node.className = className;
          return node;
        };
        const total = report.differences.length + report.omitted;
        const packing = !report.identical && report.differences.every((one) => one.kind === "packing");
        byId("verdict").textContent = report.identical ? "Identical"
          : packing ? "The same tree, packed differently" : total + (total === 1 ? " difference" : " differences");
        for (const [name, side] of [["A", report.a], ["B", report.b]]) {
          const size = side.size === undefined || side.size === null ? "" : ", " + side.size + " bytes";
          byId("sides").append(element("dt", name), element("dd", side.path + " (" + side.format + size + ")"));
        }
        const rows = byId("causes").querySelector("tbody");
        for (const group of report.summary) {
          const row = element("tr");
          for (const text of [group.count, group.cause || "unknown", group.package || "", group.reason, group.remedy])
            row.append(element("td", text));
          rows.append(row);
        }
        byId("causes").hidden = report.summary.length === 0;

        // Squarified treemap (Bruls, Huizing, van Wijk 2000).
        function layout(items, x, y, width, height, place) {
          const sum = items.reduce((all, one) => all + one.value, 0);
          if (!items.length || sum <= 0 || width < 1 || height < 1) return;
          const scale = width * height / sum, short = Math.min(width, height);
          const worst = (row, area) => Math.max(...row.map((one) => {
            const side = area / short, other = one.value * scale / side;
            return Math.max(side / other, other / side);
          }));
          let row = [], area = 0, count = 0;
          while (count < items.length) {
            const next = items[count], more = area + next.value * scale;
            if (row.length && worst(row.concat(next), more) > worst(row, area)) break;
            row.push(next); area = more; count++;
          }
          const side = area / short;
          let at = 0;
          for (const one of row) {
            const length = one.value * scale / side;
            if (width >= height) place(one, x, y + at, side, length); else place(one, x + at, y, length, side);
            at += length;
          }
          if (width >= height) layout(items.slice(count), x + side, y, width - side, height, place);
          else layout(items.slice(count), x, y + side, width, height - side, place);
        }
        function draw(id, key) {
          const map = byId(id), box = map.getBoundingClientRect();
          const items = report.packages.filter((one) => one[key] > 0)
            .map((one) => ({ value: one[key], name: one.package, differences: one.differences }))
            .sort((one, other) => other.value - one.value);
          map.replaceChildren();
          layout(items, 0, 0, box.width - 2, box.height - 2, (one, x, y, width, height) => {
            const tile = element("button", width > 34 && height > 13 ? one.name : "", one.differences ? "differs" : "");
            tile.type = "button";
            tile.title = one.name + ": " + one.value + " bytes, " + one.differences + " differences";
            Object.assign(tile.style, { left: x + "px", top: y + "px", width: width + "px", height: height + "px" });
            tile.addEventListener("click", () => { byId("filter").value = one.name; show(); });
            map.append(tile);
          });
        }
        const drawAll = () => { draw("map-a", "a"); draw("map-b", "b"); };
        byId("maps").hidden = report.packages.length === 0;

        for (const kind of [...new Set(report.differences.map((one) => one.kind))].sort())
          byId("kind").append(new Option(kind, kind));
        let limit = 300;
        function entry(one) {
          const item = element("li");
          const head = element("div");
          head.append(element("code", one.path), element("span", one.kind, "tag"));
          if (one.package) head.append(element("span", one.package, "tag"));
          if (one.cause) head.append(element("span", one.cause, "tag"));
          if (one.security) head.append(element("span", "security", "tag security"));
          const values = element("div");
          values.append(element("code", one.a === null ? "nothing" : one.a, "minus"), " → ",
            element("code", one.b === null ? "nothing" : one.b, "plus"));
          item.append(head, values);
          if (one.detail.length) {
            const details = element("details"), text = element("pre");
            details.append(element("summary", "what differs"), text);
            for (const line of one.detail)
              text.append(element("span", line + "\\n", line.startsWith("-") ? "minus" : line.startsWith("+") ? "plus" : ""));
            item.append(details);
          }
          return item;
        }
        function show() {
          const words = byId("filter").value.toLowerCase(), kind = byId("kind").value, strict = byId("security").checked;
          const found = report.differences.filter((one) => (!kind || one.kind === kind) && (!strict || one.security)
            && [one.path, one.package, one.cause].some((text) => (text || "").toLowerCase().includes(words)));
          byId("list").replaceChildren(...found.slice(0, limit).map(entry));
          byId("count").textContent = found.length + " of " + total;
          byId("more").hidden = found.length <= limit;
        }
        byId("filter").addEventListener("input", () => { limit = 300; show(); });
        byId("kind").addEventListener("change", show);
        byId("security").addEventListener("change", show);
        byId("more").addEventListener("click", () => { limit += 1000; show(); });
        document.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
        addEventListener("resize", drawAll);
        drawAll();
        show();
        """
}
