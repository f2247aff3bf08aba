/** Texts by key in ICU message form, one JSON catalogue per language; every key is in every catalogue (a test sees to it). */
import { IntlMessageFormat } from 'intl-messageformat';
import en from '../locales/en.json';

export type Key = keyof typeof en;
type Catalogue = Record<string, string>;
export type Values = Record<string, string | number>;

export const LANGUAGES = {
  en: 'English',
  de: 'Deutsch',
  es: 'Español',
  fr: 'Français',
  tr: 'Türkçe',
  ko: '한국어',
  ru: 'Русский',
  zh: '中文',
} as const;
export type Language = keyof typeof LANGUAGES;

const KEY = 'mraster.language';
const loaders = import.meta.glob<{ default: Catalogue }>(['../locales/*.json', '!../locales/en.json']);

class I18n {
  language = $state<Language>('en');
  private catalogue = $state.raw<Catalogue>(en);
  private formats = new Map<string, IntlMessageFormat>();

  async start(): Promise<void> {
    await this.use(remembered() ?? preferred());
  }

  /** Switch at once; the choice is remembered in this browser. */
  async choose(language: Language): Promise<void> {
    await this.use(language);
    try {
      localStorage.setItem(KEY, language);
    } catch {
      // private windows may refuse to remember
    }
  }

  private async use(language: Language): Promise<void> {
    const load = loaders[`../locales/${language}.json`];
    const catalogue = load ? (await load()).default : en;
    this.formats = new Map();
    this.catalogue = catalogue;
    this.language = language;
    document.documentElement.lang = language;
  }

  /** The text of a key. */
  t = (key: Key, values?: Values): string => this.text(key, values) ?? key;

  /** The text of a value of a closed set, such as `enum.SkipReason.spread`; the value itself when nobody translated it. */
  word = (set: string, value: string | null | undefined): string =>
    value ? (this.text(`enum.${set}.${value}`) ?? value.replaceAll('_', ' ')) : '—';

  has = (key: string): boolean => key in this.catalogue;

  /** The text of a key that is built from data, such as an alert's code; undefined when there is none or it lacks a parameter. */
  text(key: string, values?: Values): string | undefined {
    const pattern = this.catalogue[key];
    if (pattern === undefined) return undefined;
    if (!pattern.includes('{')) return pattern;
    let format = this.formats.get(key);
    if (!format) {
      format = new IntlMessageFormat(pattern, this.language, undefined, { ignoreTag: true });
      this.formats.set(key, format);
    }
    try {
      return String(format.format(values));
    } catch {
      return undefined; // a parameter is missing: the caller shows what it has
    }
  }
}

function remembered(): Language | undefined {
  try {
    const saved = localStorage.getItem(KEY);
    return saved && saved in LANGUAGES ? (saved as Language) : undefined;
  } catch {
    return undefined;
  }
}

function preferred(): Language {
  for (const tag of navigator.languages) {
    const base = tag.split('-')[0]?.toLowerCase() ?? '';
    if (base in LANGUAGES) return base as Language;
  }
  return 'en';
}

export const i18n = new I18n();
export const t = i18n.t;
export const word = i18n.word;
