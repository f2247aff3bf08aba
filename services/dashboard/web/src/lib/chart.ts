/** The little geometry that one curve needs. */
export interface Point {
  ms: number;
  usd: number;
}

export interface Box {
  from: number;
  to: number;
  low: number;
  high: number;
}

/** What all curves and the opening balance fit in, with some air; null when there is nothing. */
export function bounds(curves: Point[][], opening: number | null): Box | null {
  const all = curves.flat();
  if (all.length === 0) return null;
  let [from, to, low, high] = [Infinity, -Infinity, opening ?? Infinity, opening ?? -Infinity];
  for (const { ms, usd } of all) {
    from = Math.min(from, ms);
    to = Math.max(to, ms);
    low = Math.min(low, usd);
    high = Math.max(high, usd);
  }
  const air = Math.max((high - low) * 0.08, Math.abs(high) * 0.0002, 0.01);
  return { from, to: to > from ? to : from + 1, low: low - air, high: high + air };
}

/** An SVG path; a step curve keeps its value until the next point. */
export function line(points: Point[], x: (ms: number) => number, y: (usd: number) => number, stepped: boolean): string {
  return points
    .map((point, index) => {
      const place = `${x(point.ms).toFixed(1)}`;
      const level = `${y(point.usd).toFixed(1)}`;
      if (index === 0) return `M${place} ${level}`;
      return stepped ? `H${place}V${level}` : `L${place} ${level}`;
    })
    .join('');
}

/** The newest point at or before a time. */
export function near(points: Point[], ms: number): Point | null {
  let found: Point | null = null;
  for (const point of points) {
    if (point.ms > ms) break;
    found = point;
  }
  return found;
}

/** Round values inside a range, about so many. */
export function ticks(low: number, high: number, wanted: number): number[] {
  const rough = (high - low) / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((size) => size >= rough) ?? rough;
  const found: number[] = [];
  for (let value = Math.ceil(low / step) * step; value <= high; value += step) found.push(Number(value.toPrecision(12)));
  return found;
}
