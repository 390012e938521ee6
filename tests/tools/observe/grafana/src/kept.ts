/** What `make observe-test` keeps of one dashboard: its file, and what Prometheus answered each query. */
import type { FieldConfigSource } from '@grafana/data';
import type { VizLegendOptions } from '@grafana/schema';

export interface Series {
  metric: Record<string, string>;
  /** Seconds since 1970, and the value as Prometheus writes it. */
  values: Array<[number, string]>;
}

export interface Target {
  refId: string;
  legendFormat: string;
}

export interface Panel {
  id: number;
  type: string;
  title: string;
  description: string;
  gridPos: { x: number; y: number; w: number; h: number };
  fieldConfig: FieldConfigSource;
  options: { legend: Partial<VizLegendOptions> };
  targets: Target[];
}

export interface Kept {
  dashboard: { title: string; panels: Panel[] };
  from: number;
  to: number;
  step: number;
  answers: Record<string, Record<string, Series[]>>;
}

declare global {
  interface Window {
    kept: Kept;
  }
  const GRAFANA_UI_VERSION: string;
}
