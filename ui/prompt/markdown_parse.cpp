// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/prompt/markdown_parse.h"

#include "ui/prompt/markdown_split.h"

#include <md4c.h>

#include <QByteArray>

#include <algorithm>
#include <array>
#include <utility>

namespace fulgurite {
namespace {

QString decodeEntity(QStringView entity) {
    static constexpr std::array<std::pair<QStringView, char16_t>, 8> kNamed{{{u"&amp;", u'&'},
                                                                             {u"&lt;", u'<'},
                                                                             {u"&gt;", u'>'},
                                                                             {u"&quot;", u'"'},
                                                                             {u"&apos;", u'\''},
                                                                             {u"&nbsp;", u'\u00a0'},
                                                                             {u"&ndash;", u'\u2013'},
                                                                             {u"&mdash;", u'\u2014'}}};
    for (const auto& [name, character] : kNamed) {
        if (entity == name) {
            return QString(QChar(character));
        }
    }
    if (entity.startsWith(u"&#") && entity.size() > 3) {
        const bool hex = entity[2] == u'x' || entity[2] == u'X';
        const QStringView digits = entity.mid(hex ? 3 : 2, entity.size() - (hex ? 4 : 3));
        bool ok = false;
        const uint code = digits.toUInt(&ok, hex ? 16 : 10);
        if (ok && code > 0 && code <= 0x10ffff && !QChar::isSurrogate(code)) {
            const char32_t character = code;
            return QString::fromUcs4(&character, 1);
        }
    }
    return entity.toString();
}

// Receives md4c's events. md4c hands out pointers into the UTF-8 text it was given: that is where positions come
// from.
class BlockBuilder {
  public:
    BlockBuilder(const QString& text, int begin, int end) : source_(text), begin_(begin) {
        utf8_ = QStringView(text).mid(begin, end - begin).toUtf8();
        if (utf8_.size() != end - begin) {
            indexUtf8(end - begin);
        }
    }

    std::vector<MarkdownBlock> run() {
        MD_PARSER parser{};
        parser.flags = MD_DIALECT_GITHUB | MD_FLAG_NOHTML | MD_FLAG_LATEXMATHSPANS;
        parser.enter_block = [](MD_BLOCKTYPE type, void* detail, void* self) {
            return static_cast<BlockBuilder*>(self)->enterBlock(type, detail);
        };
        parser.leave_block = [](MD_BLOCKTYPE type, void*, void* self) {
            return static_cast<BlockBuilder*>(self)->leaveBlock(type);
        };
        parser.enter_span = [](MD_SPANTYPE type, void* detail, void* self) {
            return static_cast<BlockBuilder*>(self)->span(type, detail, 1);
        };
        parser.leave_span = [](MD_SPANTYPE type, void* detail, void* self) {
            return static_cast<BlockBuilder*>(self)->span(type, detail, -1);
        };
        parser.text = [](MD_TEXTTYPE type, const MD_CHAR* text, MD_SIZE size, void* self) {
            return static_cast<BlockBuilder*>(self)->text(type, text, size);
        };
        md_parse(utf8_.constData(), static_cast<MD_SIZE>(utf8_.size()), &parser, this);
        return std::move(blocks_);
    }

  private:
    struct List {
        bool ordered = false;
        unsigned number = 0;
        QChar delimiter = u'.';
        bool tight = true;
    };

    void indexUtf8(int units) {
        utf16_.resize(static_cast<std::size_t>(utf8_.size()) + 1);
        std::size_t byte = 0;
        for (int unit = 0; unit < units; ++unit) {
            const QChar character = source_[begin_ + unit];
            const bool pair = character.isHighSurrogate() && unit + 1 < units;
            const std::size_t bytes = character.unicode() < 0x80    ? 1
                                      : character.unicode() < 0x800 ? 2
                                      : pair                        ? 4
                                                                    : 3;
            for (std::size_t i = 0; i < bytes && byte < utf16_.size(); ++i) {
                utf16_[byte++] = unit;
            }
            unit += pair ? 1 : 0;
        }
        utf16_.back() = units;
    }

    int sourceAt(const MD_CHAR* at) const {
        const auto byte = static_cast<std::size_t>(at - utf8_.constData());
        return begin_ + (utf16_.empty() ? static_cast<int>(byte) : utf16_[byte]);
    }

    bool inSource(const MD_CHAR* at) const {
        return at >= utf8_.constData() && at < utf8_.constData() + utf8_.size();
    }

    MarkdownBlock& open(MarkdownBlock::Kind kind) {
        MarkdownBlock block;
        block.kind = kind;
        block.indent = static_cast<int>(lists_.size());
        block.quote = quote_;
        block.marker = std::exchange(marker_, {});
        block.tight = !lists_.empty() && lists_.back().tight && !std::exchange(list_begins_, false);
        if (!lists_.empty() && block.marker.isEmpty() && lists_.back().tight) {
            block.tight = true;
        }
        blocks_.push_back(std::move(block));
        open_ = &blocks_.back();
        return *open_;
    }

    int enterBlock(MD_BLOCKTYPE type, void* detail) {
        switch (type) {
        case MD_BLOCK_QUOTE:
            ++quote_;
            break;
        case MD_BLOCK_UL: {
            list_begins_ = lists_.empty();
            lists_.push_back({false, 0, u'.', static_cast<MD_BLOCK_UL_DETAIL*>(detail)->is_tight != 0});
            break;
        }
        case MD_BLOCK_OL: {
            const auto* list = static_cast<MD_BLOCK_OL_DETAIL*>(detail);
            list_begins_ = lists_.empty();
            lists_.push_back({true, list->start, QLatin1Char(list->mark_delimiter), list->is_tight != 0});
            break;
        }
        case MD_BLOCK_LI: {
            const auto* item = static_cast<MD_BLOCK_LI_DETAIL*>(detail);
            List& list = lists_.back();
            open_ = nullptr;
            if (item->is_task != 0) {
                marker_ = item->task_mark == ' ' ? QStringLiteral("☐") : QStringLiteral("☑");
            } else if (list.ordered) {
                marker_ = QString::number(list.number++) + list.delimiter;
            } else {
                marker_ = lists_.size() % 2 == 1 ? QStringLiteral("•") : QStringLiteral("◦");
            }
            break;
        }
        case MD_BLOCK_H:
            open(MarkdownBlock::Kind::Heading).level =
                static_cast<int>(static_cast<MD_BLOCK_H_DETAIL*>(detail)->level);
            break;
        case MD_BLOCK_P:
            open(MarkdownBlock::Kind::Paragraph);
            break;
        case MD_BLOCK_HR:
            open(MarkdownBlock::Kind::Rule);
            break;
        case MD_BLOCK_CODE: {
            const MD_ATTRIBUTE& language = static_cast<MD_BLOCK_CODE_DETAIL*>(detail)->lang;
            open(MarkdownBlock::Kind::Code).language =
                QString::fromUtf8(language.text, static_cast<qsizetype>(language.size));
            break;
        }
        case MD_BLOCK_TABLE:
            open(MarkdownBlock::Kind::Table);
            table_ = blocks_.size() - 1;
            break;
        case MD_BLOCK_TH:
        case MD_BLOCK_TD:
            enterCell(static_cast<MD_BLOCK_TD_DETAIL*>(detail)->align, type == MD_BLOCK_TH);
            break;
        default:
            break;
        }
        return 0;
    }

    void enterCell(MD_ALIGN align, bool head) {
        MarkdownBlock& table = blocks_[table_];
        if (head) {
            ++table.columns;
            table.alignments.push_back(align == MD_ALIGN_RIGHT    ? Qt::AlignRight
                                       : align == MD_ALIGN_CENTER ? Qt::AlignHCenter
                                                                  : Qt::AlignLeft);
        }
        table.cells.emplace_back();
        open_ = &table.cells.back();
    }

    int leaveBlock(MD_BLOCKTYPE type) {
        if (type == MD_BLOCK_QUOTE) {
            --quote_;
        } else if (type == MD_BLOCK_UL || type == MD_BLOCK_OL) {
            lists_.pop_back();
        } else if (type == MD_BLOCK_LI && !marker_.isEmpty()) {
            open(MarkdownBlock::Kind::Paragraph); // an item without text still shows its marker
        } else if (type == MD_BLOCK_CODE && open_ != nullptr && open_->text.endsWith(QChar::LineSeparator)) {
            open_->text.chop(1);
        }
        if (type != MD_BLOCK_THEAD && type != MD_BLOCK_TBODY && type != MD_BLOCK_TR) {
            open_ = nullptr;
        }
        return 0;
    }

    int span(MD_SPANTYPE type, void* detail, int step) {
        const auto count = [&](std::uint8_t bit) {
            return &depth_[static_cast<std::size_t>(qCountTrailingZeroBits(bit))];
        };
        using namespace inline_style;
        switch (type) {
        case MD_SPAN_EM:
            *count(kItalic) += step;
            break;
        case MD_SPAN_STRONG:
            *count(kBold) += step;
            break;
        case MD_SPAN_CODE:
            *count(kCode) += step;
            break;
        case MD_SPAN_DEL:
            *count(kStrike) += step;
            break;
        case MD_SPAN_LATEXMATH:
        case MD_SPAN_LATEXMATH_DISPLAY:
            *count(kMath) += step;
            break;
        case MD_SPAN_A: {
            const MD_ATTRIBUTE& href = static_cast<MD_SPAN_A_DETAIL*>(detail)->href;
            *count(kLink) += step;
            link_ = step > 0 ? QString::fromUtf8(href.text, static_cast<qsizetype>(href.size)) : QString();
            break;
        }
        default:
            break;
        }
        return 0;
    }

    std::uint8_t style() const {
        std::uint8_t style = 0;
        for (std::size_t bit = 0; bit < depth_.size(); ++bit) {
            style = static_cast<std::uint8_t>(style | (depth_[bit] > 0 ? 1u << bit : 0u));
        }
        return style;
    }

    int text(MD_TEXTTYPE type, const MD_CHAR* text, MD_SIZE size) {
        if (open_ == nullptr) {
            open(MarkdownBlock::Kind::Paragraph);
        }
        const int visible = static_cast<int>(open_->text.size());
        if (type == MD_TEXT_BR || type == MD_TEXT_SOFTBR) {
            open_->text += QChar::LineSeparator; // models mean the line breaks that they write
        } else if (!inSource(text)) {
            QString made = QString::fromUtf8(text, static_cast<qsizetype>(size));
            open_->text += made.replace(u'\n', QChar::LineSeparator);
        } else {
            const int from = sourceAt(text);
            const int to = sourceAt(text + size);
            const QStringView part = QStringView(source_).mid(from, to - from);
            if (type == MD_TEXT_ENTITY) {
                open_->text += decodeEntity(part);
                open_->runs.push_back({visible, from, 1});
            } else {
                open_->text += part;
                if (type == MD_TEXT_CODE) {
                    std::replace(open_->text.begin() + visible, open_->text.end(), QChar(u'\n'),
                                 QChar(QChar::LineSeparator));
                }
                open_->runs.push_back({visible, from, to - from});
            }
        }
        if (const std::uint8_t now = style(); now != 0) {
            open_->spans.push_back({visible, static_cast<int>(open_->text.size()), now, link_});
        }
        return 0;
    }

    const QString& source_;
    int begin_;
    QByteArray utf8_;
    std::vector<int> utf16_; // of each byte; empty when all is ASCII
    std::vector<MarkdownBlock> blocks_;
    MarkdownBlock* open_ = nullptr;
    std::size_t table_ = 0;
    std::vector<List> lists_;
    bool list_begins_ = false;
    int quote_ = 0;
    QString marker_;
    QString link_;
    std::array<int, 6> depth_{};
};

MarkdownBlock verbatim(const QString& text, int begin, int end, MarkdownBlock::Kind kind) {
    MarkdownBlock block;
    block.kind = kind;
    if (end > begin && text[end - 1] == u'\n') {
        --end;
    }
    block.text = text.mid(begin, end - begin);
    block.text.replace(u'\n', QChar::LineSeparator);
    block.text.replace(u'\r', u' ');
    block.runs.push_back({0, begin, end - begin});
    return block;
}

} // namespace

int MarkdownBlock::sourceOf(int visible) const {
    const auto after = std::upper_bound(runs.begin(), runs.end(), visible,
                                        [](int at, const SourceRun& run) { return at < run.visible; });
    if (after == runs.begin()) {
        return runs.empty() ? 0 : runs.front().source;
    }
    const SourceRun& run = *std::prev(after);
    return run.source + std::min(visible - run.visible, run.length);
}

int MarkdownBlock::visibleOf(int source) const {
    const auto after = std::upper_bound(runs.begin(), runs.end(), source,
                                        [](int at, const SourceRun& run) { return at < run.source; });
    if (after == runs.begin()) {
        return 0;
    }
    const SourceRun& run = *std::prev(after);
    if (source - run.source < run.length) {
        return run.visible + (source - run.source);
    }
    return after == runs.end() ? static_cast<int>(text.size()) : after->visible;
}

std::vector<MarkdownBlock> parseChunk(const QString& text, const MarkdownChunk& chunk) {
    std::vector<MarkdownBlock> blocks;
    if (chunk.kind == MarkdownChunk::Kind::Text) {
        blocks = BlockBuilder(text, chunk.begin, chunk.end).run();
        if (!blocks.empty() && chunk.tight) {
            blocks.front().tight = true;
        }
        return blocks;
    }
    if (chunk.kind == MarkdownChunk::Kind::Plain) {
        blocks.push_back(verbatim(text, chunk.begin, chunk.end, MarkdownBlock::Kind::Paragraph));
        blocks.back().tight = chunk.tight;
        return blocks;
    }
    blocks.push_back(verbatim(text, chunk.content_begin, chunk.content_end, MarkdownBlock::Kind::Code));
    blocks.back().language = chunk.language;
    return blocks;
}

QString visibleText(const std::vector<MarkdownBlock>& blocks, int begin, int end) {
    QString text;
    const auto shown = [&](const MarkdownBlock& block) {
        const int from = block.visibleOf(begin);
        const int to = block.visibleOf(end);
        const QString marker = from == 0 && to > 0 && !block.marker.isEmpty() ? block.marker + u' ' : QString();
        return marker + block.text.mid(from, std::max(0, to - from));
    };
    for (const MarkdownBlock& block : blocks) {
        QString line = shown(block);
        for (std::size_t i = 0; i < block.cells.size(); ++i) {
            line += shown(block.cells[i]);
            const bool row_ends = (i + 1) % static_cast<std::size_t>(std::max(block.columns, 1)) == 0;
            line += i + 1 == block.cells.size() ? u"" : row_ends ? u"\n" : u"\t";
        }
        if (!line.trimmed().isEmpty()) {
            text += (text.isEmpty() ? QString() : QStringLiteral("\n")) + line;
        }
    }
    return text.replace(QChar::LineSeparator, u'\n');
}

} // namespace fulgurite
