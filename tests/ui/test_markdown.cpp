// SPDX-License-Identifier: GPL-3.0-or-later
// Markdown of the transcript: chunks grow with the text as if they had been cut at once, stay small, lose nothing,
// and every visible character knows its source.
#include "ui/prompt/code_highlight.h"
#include "ui/prompt/markdown_parse.h"
#include "ui/prompt/markdown_split.h"

#include <QRandomGenerator>
#include <QTest>

using namespace fulgurite;

class TestMarkdown : public QObject {
    Q_OBJECT

  private slots:
    void growingEqualsWhole_data();
    void growingEqualsWhole();
    void chunksCoverTheText_data();
    void chunksCoverTheText();
    void blocks();
    void lists();
    void tables();
    void everyVisibleCharacterHasItsSource_data();
    void everyVisibleCharacterHasItsSource();
    void highlighting();
    void plainTextStaysAsTyped();
};

namespace {

QString longCode(int lines) {
    QString text = QStringLiteral("```python\n");
    for (int i = 0; i < lines; ++i) {
        text += QStringLiteral("def f%1(x):  # step\n").arg(i);
    }
    return text + QStringLiteral("```\n\nAfter it.\n");
}

QString mixed(quint32 seed, int pieces) {
    static const QStringList kPieces{
        QStringLiteral("plain words "),
        QStringLiteral("**bold** "),
        QStringLiteral("\n\n"),
        QStringLiteral("\n"),
        QStringLiteral("```\n"),
        QStringLiteral("```cpp\nint x = 1;\n"),
        QStringLiteral("- item\n"),
        QStringLiteral("   - nested\n"),
        QStringLiteral("1. one\n2. two\n"),
        QStringLiteral("# Title\n"),
        QStringLiteral("`code` "),
        QStringLiteral("~~~\n"),
        QStringLiteral("| a | b |\n|---|--:|\n| 1 | 2 |\n"),
        QStringLiteral("> quoted\n"),
        QStringLiteral("naïve – 雷 ⚡ 😀 "),
        QStringLiteral("&amp; &#955; "),
        QStringLiteral("a very long run of words that goes on and on for quite some time before it stops, "),
        QStringLiteral("``` not ` a fence\n"),
        QStringLiteral("$a_1 * b_2$ "),
        QStringLiteral("    ```\n"),
        QStringLiteral("[link](https://example.org) ")};
    QRandomGenerator random(seed);
    QString text;
    for (int i = 0; i < pieces; ++i) {
        text += kPieces[static_cast<qsizetype>(random.bounded(static_cast<quint32>(kPieces.size())))];
    }
    return text;
}

void addTexts() {
    QTest::addColumn<QString>("text");
    QTest::newRow("empty") << QString();
    QTest::newRow("code") << longCode(60);
    QTest::newRow("code of exactly one chunk") << longCode(24);
    QTest::newRow("open fence") << QStringLiteral("Look:\n```js\nlet a = 1;");
    QTest::newRow("not a fence") << QStringLiteral("Look:\n```a``` is inline\n");
    QTest::newRow("endless line") << QString(9000, u'x');
    QTest::newRow("long paragraph") << QStringLiteral("words and more words, ").repeated(800);
    QTest::newRow("long list") << QStringLiteral("- an item of the list\n").repeated(300);
    QTest::newRow("long table") << QStringLiteral("| a | b |\n|---|---|\n") +
                                       QStringLiteral("| 1 | 2 |\n").repeated(400);
    for (quint32 seed = 1; seed <= 12; ++seed) {
        QTest::addRow("mixed %u", seed) << mixed(seed, 150);
    }
}

QString describe(const std::vector<MarkdownChunk>& chunks) {
    QString text;
    for (const MarkdownChunk& chunk : chunks) {
        text += QStringLiteral("%1[%2,%3)%4%5%6%7 code[%8,%9) ")
                    .arg(static_cast<int>(chunk.kind))
                    .arg(chunk.begin)
                    .arg(chunk.end)
                    .arg(chunk.cut ? u'c' : u'.')
                    .arg(chunk.tight ? u't' : u'.')
                    .arg(chunk.first ? u'f' : u'.')
                    .arg(chunk.last ? u'l' : u'.')
                    .arg(chunk.content_begin)
                    .arg(chunk.content_end) +
                chunk.language + u'\n';
    }
    return text;
}

} // namespace

void TestMarkdown::growingEqualsWhole_data() {
    addTexts();
}

void TestMarkdown::growingEqualsWhole() {
    QFETCH(QString, text);
    MarkdownSplitter whole;
    whole.update(text);
    for (const int step : {1, 3, 17}) {
        MarkdownSplitter growing;
        std::vector<MarkdownChunk> before;
        for (int at = step;; at += step) {
            const int size = std::min<int>(at, static_cast<int>(text.size()));
            const int first = growing.update(text.left(size));
            // What lies before the first changed chunk must not have changed.
            QVERIFY(first <= static_cast<int>(before.size()));
            for (int i = 0; i < first; ++i) {
                const auto index = static_cast<std::size_t>(i);
                QCOMPARE(growing.chunks()[index].end, before[index].end);
            }
            before = growing.chunks();
            if (size == text.size()) {
                break;
            }
        }
        QCOMPARE(describe(growing.chunks()), describe(whole.chunks()));
    }
}

void TestMarkdown::chunksCoverTheText_data() {
    addTexts();
}

void TestMarkdown::chunksCoverTheText() {
    QFETCH(QString, text);
    for (const bool plain : {false, true}) {
        MarkdownSplitter splitter(plain);
        splitter.update(text);
        int at = 0;
        for (const MarkdownChunk& chunk : splitter.chunks()) {
            QCOMPARE(chunk.begin, at);
            QVERIFY(chunk.end > chunk.begin);
            QVERIFY(chunk.end - chunk.begin <= 12000);
            at = chunk.end;
        }
        QCOMPARE(at, static_cast<int>(text.size()));
    }
}

namespace {

std::vector<MarkdownBlock> parseAll(const QString& text) {
    MarkdownSplitter splitter;
    splitter.update(text);
    std::vector<MarkdownBlock> blocks;
    for (const MarkdownChunk& chunk : splitter.chunks()) {
        for (MarkdownBlock& block : parseChunk(text, chunk)) {
            blocks.push_back(std::move(block));
        }
    }
    return blocks;
}

} // namespace

void TestMarkdown::blocks() {
    const auto blocks = parseAll(QStringLiteral(
        "## Title\n\nSome **bold** and `code`.\n\n```py\nx = 1\n```\n\n---\n\n> quoted &lt;b&gt; text\n"));
    QCOMPARE(blocks.size(), std::size_t{5});
    QCOMPARE(blocks[0].kind, MarkdownBlock::Kind::Heading);
    QCOMPARE(blocks[0].level, 2);
    QCOMPARE(blocks[1].text, QStringLiteral("Some bold and code."));
    QCOMPARE(blocks[1].spans.size(), std::size_t{2});
    QCOMPARE(blocks[1].spans[0].style, inline_style::kBold);
    QCOMPARE(blocks[1].spans[1].style, inline_style::kCode);
    QCOMPARE(blocks[2].kind, MarkdownBlock::Kind::Code);
    QCOMPARE(blocks[2].text, QStringLiteral("x = 1"));
    QCOMPARE(blocks[2].language, QStringLiteral("py"));
    QCOMPARE(blocks[3].kind, MarkdownBlock::Kind::Rule);
    QCOMPARE(blocks[4].quote, 1);
    QCOMPARE(blocks[4].text, QStringLiteral("quoted <b> text"));
}

void TestMarkdown::lists() {
    const auto blocks =
        parseAll(QStringLiteral("3. three\n4. four\n   - inner\n\n     ```c\n     int x;\n     ```\n"));
    QCOMPARE(blocks.size(), std::size_t{4});
    QCOMPARE(blocks[0].marker, QStringLiteral("3."));
    QCOMPARE(blocks[1].marker, QStringLiteral("4."));
    QCOMPARE(blocks[2].indent, 2);
    QCOMPARE(blocks[2].marker, QStringLiteral("◦"));
    QCOMPARE(blocks[3].kind, MarkdownBlock::Kind::Code);
    QCOMPARE(blocks[3].text, QStringLiteral("int x;"));
}

void TestMarkdown::tables() {
    const auto blocks = parseAll(QStringLiteral("| name | value |\n|:-----|------:|\n| a | **1** |\n| b | 2 |\n"));
    QCOMPARE(blocks.size(), std::size_t{1});
    QCOMPARE(blocks[0].kind, MarkdownBlock::Kind::Table);
    QCOMPARE(blocks[0].columns, 2);
    QCOMPARE(blocks[0].cells.size(), std::size_t{6});
    QCOMPARE(blocks[0].cells[3].text, QStringLiteral("1"));
    QCOMPARE(blocks[0].alignments[1], Qt::Alignment(Qt::AlignRight));
}

void TestMarkdown::everyVisibleCharacterHasItsSource_data() {
    addTexts();
}

void TestMarkdown::everyVisibleCharacterHasItsSource() {
    QFETCH(QString, text);
    const auto check = [&](const MarkdownBlock& block) {
        for (const SourceRun& run : block.runs) {
            const QString shown = block.text.mid(run.visible, run.length);
            QString source = text.mid(run.source, run.length);
            source.replace(u'\n', QChar::LineSeparator);
            if (!source.startsWith(u'&')) {
                QCOMPARE(shown, source);
            }
        }
        int last = -1;
        for (int i = 0; i < block.text.size(); ++i) {
            const int source = block.sourceOf(i);
            QVERIFY(source >= last);
            last = source;
        }
        for (const SourceRun& run : block.runs) {
            QCOMPARE(block.visibleOf(run.source), run.visible);
        }
    };
    for (const MarkdownBlock& block : parseAll(text)) {
        check(block);
        for (const MarkdownBlock& cell : block.cells) {
            check(cell);
        }
    }
}

void TestMarkdown::highlighting() {
    const QString code = QStringLiteral("def f(x):  # note\n    return \"a\" + 1.5\n");
    QStringList found;
    for (const HighlightSpan& span : highlightCode(code, QStringLiteral("py"))) {
        found += code.mid(span.begin, span.end - span.begin) + u'=' + roleName(span.role);
    }
    const QStringList expected{QStringLiteral("def=syntax_keyword"), QStringLiteral("# note=syntax_comment"),
                               QStringLiteral("return=syntax_keyword"), QStringLiteral("\"a\"=syntax_string"),
                               QStringLiteral("1.5=syntax_number")};
    QCOMPARE(found, expected);
    QCOMPARE(languageTitle(QStringLiteral("py")), QStringLiteral("Python"));
    QCOMPARE(languageTitle(QStringLiteral("brainfuck")), QStringLiteral("brainfuck"));
}

void TestMarkdown::plainTextStaysAsTyped() {
    const QString text = QStringLiteral("# not a title\n**not bold**\n\n  indented");
    MarkdownSplitter splitter(true);
    splitter.update(text);
    const auto blocks = parseChunk(text, splitter.chunks().front());
    QCOMPARE(blocks.size(), std::size_t{1});
    QString shown = blocks[0].text;
    QCOMPARE(shown.replace(QChar::LineSeparator, u'\n'), text);
}

QTEST_GUILESS_MAIN(TestMarkdown)
#include "test_markdown.moc"
