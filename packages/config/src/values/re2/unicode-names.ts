// Names that RE2 takes inside \p{…}: general categories and the scripts that are in every version in use.
const categories =
  'Any C Cc Cf Co Cs L Ll Lm Lo Lt Lu M Mc Me Mn N Nd Nl No P Pc Pd Pe Pf Pi Po Ps S Sc Sk Sm So Z Zl Zp Zs';
const scripts = `Arabic Armenian Balinese Bengali Bopomofo Braille Buginese Buhid Canadian_Aboriginal Carian
  Cham Cherokee Common Coptic Cuneiform Cypriot Cyrillic Deseret Devanagari Ethiopic Georgian Glagolitic Gothic
  Greek Gujarati Gurmukhi Han Hangul Hanunoo Hebrew Hiragana Inherited Javanese Kannada Katakana Kayah_Li
  Kharoshthi Khmer Lao Latin Lepcha Limbu Linear_B Lisu Lycian Lydian Malayalam Mongolian Myanmar New_Tai_Lue
  Nko Ogham Ol_Chiki Old_Italic Old_Persian Oriya Osmanya Phags_Pa Phoenician Rejang Runic Saurashtra Shavian
  Sinhala Sundanese Syloti_Nagri Syriac Tagalog Tagbanwa Tai_Le Tamil Telugu Thaana Thai Tibetan Tifinagh
  Ugaritic Vai Yi`;

const names: ReadonlySet<string> = new Set(`${categories} ${scripts}`.split(/\s+/));

export const isUnicodeClass = (name: string): boolean => names.has(name);
