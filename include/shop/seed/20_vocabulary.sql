-- Names and places of sixteen countries, and the values that break programs which have only seen "John Smith".

CREATE TABLE seed.locales (
    id bigint PRIMARY KEY, country text, language text, family_first boolean,
    given_names text[], family_names text[], cities text[], streets text[], national_id text, postal_code text
);

INSERT INTO seed.locales
SELECT v.id, v.country, v.language, v.family_first,
       string_to_array(v.given, '|'), string_to_array(v.family, '|'), string_to_array(v.cities, '|'),
       string_to_array(v.streets, '|'), v.national_id, v.postal_code
FROM (VALUES
    (0, 'DE', 'de', false, 'Anna|Jürgen|Björn|Käthe|Max|Sören|Zoë|Hans-Peter|Ursula|Mehmet', 'Müller|Groß|Weiß|von der Heide|Schäfer|Öztürk|Jäger|zu Lippe|Krause|Yılmaz',
     'Köln|München|Görlitz|Gießen|Bad Tölz', 'Straße des 17. Juni|Große Freiheit|Am Mühlbach|Königsallee', 'FM00" "000000" X "000', 'FM00000'),
    (1, 'GB', 'en', false, 'Olivia|Siân|George|Aoife|Muhammad|Zoë|Jo|Anne-Marie|Ravi|Grace', 'O''Neill|Smith|D''Arcy|MacDonald|Patel|Featherstonehaugh|St. John|Okafor|Ng|Jones',
     'London|Caernarfon|Stoke-on-Trent|King''s Lynn|Ely', 'High Street|St. Mary''s Row|The Old Rectory|Flat 2b, Mill Lane', 'FM"QQ "00" "00" "00" C"', 'FM"SW"0"A "0"AA"'),
    (2, 'FR', 'fr', false, 'Élodie|François|Hélène|Noël|Zoé|Maëlys|Jean-Luc|Aimée', 'Lefèvre|D''Étigny|Garçon|L''Hôpital|Saint-Saëns|Nuñez|Béranger|Œuvrard',
     'Besançon|L''Haÿ-les-Roses|Évry|Nîmes', 'rue de l''Église|allée des Œillets|quai d''Orsay', 'FM0" "00" "00" "00" "000" "000', 'FM00000'),
    (3, 'PL', 'pl', false, 'Łukasz|Małgorzata|Grzegorz|Żaneta|Zbigniew|Świętosława', 'Brzęczyszczykiewicz|Wójcik|Żółć|Dąbrowska|Ćwikła|Łęcki',
     'Łódź|Świnoujście|Bydgoszcz', 'ul. Świętokrzyska|al. Jerozolimskie|os. Złotego Wieku', 'FM00000000000', 'FM00"-"000'),
    (4, 'TR', 'tr', false, 'İbrahim|Işıl|Çağla|Ömer|Gülşen|Şükrü', 'Yıldız|İnönü|Özdemir|Şahin|Çelik|Kılıç',
     'İstanbul|Diyarbakır|Iğdır', 'Atatürk Bulvarı|İstiklal Caddesi', 'FM00000000000', 'FM00000'),
    (5, 'GR', 'el', false, 'Ελένη|Γιώργος|Αθηνά|Οδυσσέας|Μαρία', 'Παπαδόπουλος|Οικονόμου|Νικολαΐδης|Αγγελοπούλου',
     'Αθήνα|Θεσσαλονίκη|Ηράκλειο', 'Λεωφόρος Συγγρού|Οδός Ερμού', 'FM"ΑΒ "000000', 'FM000" "00'),
    (6, 'UA', 'uk', false, 'Олександр|Зоряна|Їжакевич|Ґалаґан|Мар''яна|Юрій', 'Шевченко|Кравчук|Лук''яненко|Гнатюк|Щербак',
     'Київ|Львів|Їжаківка', 'вулиця Хрещатик|площа Ринок', 'FM0000000000', 'FM00000'),
    (7, 'EG', 'ar', false, 'محمد|فاطمة|عبد الرحمن|ليلى|يوسف', 'الشافعي|حسن|النجّار|عبد الله|الخطيب',
     'القاهرة|الإسكندرية', 'شارع التحرير|شارع ٢٦ يوليو', 'FM00000000000000', 'FM00000'),
    (8, 'IL', 'he', false, 'נועה|יוסף|שרה|אביגיל|דוד', 'כהן|לוי|בן־דוד|פרידמן',
     'ירושלים|תל אביב–יפו', 'רחוב הרצל|שדרות רוטשילד', 'FM000000000', 'FM0000000'),
    (9, 'IN', 'hi', false, 'प्रिया|अर्जुन|श्रुति|राजेश|लक्ष्मी', 'शर्मा|त्रिपाठी|अग्रवाल|सिंह|कृष्णमूर्ति',
     'मुंबई|दिल्ली|वाराणसी', 'महात्मा गांधी मार्ग|चाँदनी चौक', 'FM0000" "0000" "0000', 'FM000000'),
    (10, 'CN', 'zh', true, '伟|秀英|子轩|雨桐|𠮷', '王|欧阳|李|张|诸葛|㐂',
     '北京市|上海市|乌鲁木齐市', '长安街|南京路', 'FM000000000000000000', 'FM000000'),
    (11, 'JP', 'ja', true, '太郎|さくら|健一|ゆうこ|ﾏﾘ', '髙橋|渡邉|佐藤|齋藤|長谷川',
     '東京都千代田区|大阪市北区|札幌市', '丸の内１丁目|梅田３−１', 'FM0000" "0000" "0000', 'FM000"-"0000'),
    (12, 'KR', 'ko', true, '민준|서연|지후|하은', '김|이|박|남궁|선우',
     '서울특별시|부산광역시', '세종대로|해운대로', 'FM000000"-"0000000', 'FM00000'),
    -- Combining characters, not their composed forms: equal to the eye, different in bytes.
    (13, 'VN', 'vi', true, U&'Nguye\0302\0323t|Hu\031bo\031b\0300ng|\0110u\031b\0301c|Tha\0309o', U&'Nguye\0302\0303n|Tra\0302\0300n|Pha\0323m|\0110o\0302\0303',
     U&'Ha\0300 No\0323\0302i|\0110a\0300 Na\0306\0303ng', U&'\0111u\031bo\031b\0300ng Le\0302 Lo\031b\0323i', 'FM000000000000', 'FM000000'),
    (14, 'TH', 'th', false, 'สมชาย|กัญญา|ณัฐวุฒิ|พิมพ์ชนก', 'ใจดี|ศรีสุวรรณ|วงศ์สว่าง|ทองคำ',
     'กรุงเทพมหานคร|เชียงใหม่', 'ถนนสุขุมวิท|ถนนพระราม ๔', 'FM0"-"0000"-"00000"-"00"-"0', 'FM00000'),
    (15, 'ET', 'am', false, 'አበበ|ሰላም|ዮሐንስ|ማርታ', 'ተስፋዬ|ገብረ እግዚአብሔር|ወልደ ማርያም',
     'አዲስ አበባ|ባሕር ዳር', 'ቦሌ መንገድ', 'FM0000000000', 'FM0000')
) AS v (id, country, language, family_first, given, family, cities, streets, national_id, postal_code);

-- Family names that people and programs have really put into such columns.
CREATE FUNCTION seed.awkward(h bigint) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN seed.pick(ARRAY[
        'O''Brien "Bob"', E'Two\nLines', E'Windows\r\nLine', E'Tab\tbed', 'Back\slash', E'\\N', 'NULL', 'null', 'None', 'NaN',
        'Blank behind ', '  blanks before', '', ' ', 'Semi;colon, comma', '{braces}', '["json"]', '''; DROP TABLE orders; --',
        '=1+1', '<b>Bold</b> & Söhne', '%s %(name)s {0} ${x}', '👩‍👩‍👧‍👦 Familie', 'Zalgo z͎̯͔ͅ', U&'zero\200Bwidth', U&'\202Eturned',
        U&'no\00A0break', U&'\FEFFmarked', U&'A\030Angstro\0308m', 'ＦＵＬＬ ｗｉｄｔｈ', 'ﬁ ligature', 'true', '0', '-1', '1e309',
        '2026-02-30', U&'soft\00ADhyphen', U&'bell\0007', 'İıŞş', 'ẞß', repeat('Donaudampfschifffahrt', 12)
    ], h);
