/** Words and numbers of the learning report. */
import { DASH, money, percent, r } from './format.svelte';
import { t, word } from './i18n.svelte';
import type { FilterResult, LearningReport, TunerBucket } from './types';

/** An edition is made once an hour of venue time; after this there should have been a newer one. */
export const OLD_MS = 2 * 3_600_000 + 600_000;

export function interval(low: number | null, high: number | null): string {
  return low === null || high === null ? DASH : `${r(low)} … ${r(high)}`;
}

export function factor(value: number): string {
  return `×${money(value)}`;
}

export function ratio(value: number | undefined, digits = 0): string {
  return value === undefined ? DASH : percent(value, digits);
}

export function reasonName(row: FilterResult): string {
  return row.reason === 'offered' ? t('learning.offered') : word('SkipReason', row.reason);
}

export function worthTone(row: FilterResult): string {
  return row.worth === 'saves' ? 'up' : row.worth === 'costs' ? 'warn' : '';
}

/** A bucket's name is setup, side and volatility, joined by dashes. */
export function bucketName(bucket: TunerBucket): { setup: string; side: string; volatility: string } {
  const [setup = '', side = '', volatility = ''] = bucket.bucket.split('-');
  const names = { calm: t('learning.calm'), usual: t('learning.usual'), wild: t('learning.wild') };
  return { setup: word('Setup', setup), side: word('Direction', side), volatility: names[volatility as keyof typeof names] ?? volatility };
}

/** A point's group: setup and strength for the rules, a range of predictions for the alpha model. */
export function groupName(model: string, name: string): string {
  if (model !== 'prior') return name;
  const [setup = '', bin = ''] = name.split('-');
  const place = Number(bin);
  return `${word('Setup', setup)} ${percent(place / 5, 0)}–${percent((place + 1) / 5, 0)}`;
}

/** The causes of post-mortems, heaviest first; what went well comes last. */
export function causes(report: LearningReport): [string, number][] {
  const rank = ([name, weight]: [string, number]) => (name === 'good_process' ? -1 : weight);
  return Object.entries(report.postmortem ?? {}).sort((one, other) => rank(other) - rank(one));
}
