/** Sentences made from codes: why a decision went as it did, what a step was, how a filter's numbers are written. */
import { count, percent, plain, r } from './format.svelte';
import { i18n, t, word } from './i18n.svelte';
import type { DecisionRow, Step } from './types';

const REASON_SETS: Record<string, string> = { skip: 'SkipReason', plan: 'PlanReason', order: 'RefusedReason', exit: 'ExitReason' };
const RATIOS = new Set(['spread', 'funding_long', 'funding_short', 'oracle_gap', 'non_arb_long', 'non_arb_short']);

export function reasonWord(kind: string, code: string): string {
  const set = REASON_SETS[kind];
  return set ? word(set, code) : code;
}

/** A filter's number in the unit of its reason. */
export function filterNumber(reason: string, value: number | null | undefined, quote: string): string {
  if (value === null || value === undefined) return '—';
  if (RATIOS.has(reason)) return percent(value, 3);
  if (reason === 'quote_volume') return `${count(value)} ${quote}`;
  if (reason === 'edge') return r(value);
  return plain(value);
}

/** The reason in plain words, with the number that failed against its limit. */
export function reasonOf(row: DecisionRow, quote: string): string {
  if (!row.reason) return '';
  const words = reasonWord(row.reason_kind ?? '', row.reason);
  if (row.reason_kind !== 'skip' || row.value === null || row.value === undefined || row.limit === null || row.limit === undefined) return words;
  const numbers = t('decision.value_limit', {
    value: filterNumber(row.reason, row.value, quote),
    limit: filterNumber(row.reason, row.limit, quote),
  });
  return `${words}: ${numbers}`;
}

/** A step of a decision in words. */
export function stepWords(step: Step): string {
  switch (step.kind) {
    case 'candidate':
      return t('step.candidate', { setup: word('Setup', step.code) });
    case 'skip':
      return t('step.skip', { reason: word('SkipReason', step.code) });
    case 'plan':
      return t('step.plan', { verdict: word('Verdict', step.code), reason: word('PlanReason', step.reason ?? '') });
    case 'order': {
      const words = t('step.order', { leg: word('Leg', step.leg), event: word('OrderEventKind', step.code) });
      return step.reason ? `${words}: ${word('RefusedReason', step.reason)}` : words;
    }
    case 'position':
      return t('step.position', { event: word('PositionEventKind', step.code) });
    case 'postmortem':
      return t('step.postmortem', { cause: word('Cause', step.code) });
    case 'bracket':
      return t('step.bracket', { event: word('BracketEventKind', step.code) });
    default:
      return t('step.trade', { reason: word('ExitReason', step.code) });
  }
}

/** An alert's code with its parameters in words; the code itself when nobody translated it. */
export function alertWords(code: string, params: Record<string, string>): string {
  const known = i18n.text(`alert.${code}`, { symbol: '', detail: '', ...params });
  const values = Object.entries(params).map(([name, value]) => `${name} ${value}`);
  return known ?? [code.replaceAll('_', ' '), ...values].join(' · ');
}

