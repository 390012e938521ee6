/** Prometheus' series in the shape that Grafana's components take: one frame each, with a field of times and one of values. */
import { type DataFrame, FieldType, toDataFrame } from '@grafana/data';
import type { Kept, Panel, Series, Target } from './kept';

/** All series of a panel, in the order of its queries. */
export function framesOf(panel: Panel, kept: Kept): DataFrame[] {
  const answers = kept.answers[String(panel.id)] ?? {};
  const moments = momentsOf(kept);
  return panel.targets.flatMap((target) =>
    (answers[target.refId] ?? []).map((series) => frameOf(target, series, moments)),
  );
}

/** What Prometheus was asked for: whole steps, in seconds. */
function momentsOf({ from, to, step }: Kept): number[] {
  const first = Math.floor(from / step);
  const last = Math.floor(to / step);
  return Array.from({ length: last - first + 1 }, (_, place) => (first + place) * step);
}

/** Where the series has no value there is none in the frame either, so that a gap is drawn as a gap. */
function frameOf(target: Target, series: Series, moments: number[]): DataFrame {
  const values = new Map(series.values);
  const name = legend(target.legendFormat, series.metric);
  return toDataFrame({
    refId: target.refId,
    name,
    fields: [
      { name: 'Time', type: FieldType.time, values: moments.map((seconds) => seconds * 1000) },
      {
        name: 'Value',
        type: FieldType.number,
        labels: series.metric,
        config: { displayNameFromDS: name },
        values: moments.map((moment) => numberOf(values.get(moment))),
      },
    ],
  });
}

/** `{{label}}` filled in; a label that the series lacks is empty. */
function legend(format: string, labels: Record<string, string>): string {
  return format.replace(/\{\{\s*(.+?)\s*\}\}/g, (_, label: string) => labels[label] ?? '');
}

function numberOf(value = 'NaN'): number | null {
  const number = Number(value.replace('Inf', 'Infinity'));
  return Number.isNaN(number) ? null : number;
}
