// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/inspect/expert_reader.h"

#include "ui/base/background.h"
#include "ui/base/format.h"
#include "ui/base/theme_manager.h"
#include "ui/inspect/captured_texts.h"
#include "ui/inspect/inspection_source.h"
#include "ui/inspect/segments.h"
#include "ui/prompt/tint.h"

#include <QAction>
#include <QApplication>
#include <QClipboard>
#include <QLabel>
#include <QListView>
#include <QLocale>
#include <QPainter>
#include <QStyledItemDelegate>
#include <QToolButton>
#include <QVBoxLayout>

#include <algorithm>

namespace fulgurite {
namespace {

constexpr std::size_t kAround = 12; // tokens before and after

// The token in the middle of its line, bold, on the tint of a selection; what is before it ends there.
class HitDelegate : public QStyledItemDelegate {
  public:
    HitDelegate(ThemeManager& themes, QObject* parent) : QStyledItemDelegate(parent), themes_(themes) {}

    QSize sizeHint(const QStyleOptionViewItem&, const QModelIndex&) const override {
        return {themes_.scaled(200), themes_.scaled(metrics::kTableRow)};
    }

    void paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const override {
        painter->save();
        if (option.state & QStyle::State_Selected) {
            painter->fillRect(option.rect, themes_.color(Role::Selection));
        }
        const QRect row = option.rect.adjusted(6, 0, -6, 0);
        painter->setFont(themes_.uiFont(11));
        const QString figures = index.data(ExpertHitModel::FiguresRole).toString();
        const int right = QFontMetrics(painter->font()).horizontalAdvance(figures) + 8;
        painter->setPen(themes_.color(Role::Muted));
        painter->drawText(row, Qt::AlignRight | Qt::AlignVCenter, figures);
        const QFont plain = themes_.uiFont(12);
        const QFont bold = themes_.uiFont(12, QFont::DemiBold);
        const QString token = index.data(ExpertHitModel::TokenRole).toString();
        const int width = QFontMetrics(bold).horizontalAdvance(token) + 4;
        const int middle = row.left() + std::max(0, (row.width() - right - width) * 45 / 100);
        const QRect before(row.left(), row.top(), middle - row.left(), row.height());
        const QRect after(middle + width, row.top(), std::max(0, row.right() - right - middle - width),
                          row.height());
        painter->setFont(plain);
        painter->setPen(themes_.color(Role::Muted));
        const QFontMetrics metrics(plain);
        painter->drawText(
            before, Qt::AlignRight | Qt::AlignVCenter,
            metrics.elidedText(index.data(ExpertHitModel::BeforeRole).toString(), Qt::ElideLeft, before.width()));
        painter->drawText(
            after, Qt::AlignLeft | Qt::AlignVCenter,
            metrics.elidedText(index.data(ExpertHitModel::AfterRole).toString(), Qt::ElideRight, after.width()));
        painter->setFont(bold);
        painter->setPen(themes_.color(Role::Text));
        painter->drawText(QRect(middle, row.top(), width, row.height()), Qt::AlignCenter, token);
        painter->restore();
    }

  private:
    ThemeManager& themes_;
};

} // namespace

std::vector<ExpertHit> expertHits(const capture::RoutingSlice& slice, int expert, std::optional<int> layer) {
    std::vector<ExpertHit> hits;
    const auto top_k = static_cast<std::size_t>(slice.top_k);
    const auto layers = static_cast<std::size_t>(slice.layers);
    for (std::size_t i = 0; i < slice.count; ++i) {
        ExpertHit hit{.token = slice.first + i};
        for (std::size_t l = 0; l < layers; ++l) {
            if (layer && static_cast<int>(l) != *layer) {
                continue;
            }
            for (std::size_t k = (i * layers + l) * top_k; k < (i * layers + l + 1) * top_k; ++k) {
                if (slice.experts[k] == expert) {
                    ++hit.layers;
                    if (slice.weights[k] > hit.weight) {
                        hit.weight = slice.weights[k];
                        hit.layer = static_cast<int>(l);
                    }
                }
            }
        }
        if (hit.layers > 0) {
            hits.push_back(hit);
        }
    }
    return hits;
}

ExpertHitModel::ExpertHitModel(CapturedTexts& texts, QObject* parent) : QAbstractListModel(parent), texts_(texts) {
    connect(&texts_, &CapturedTexts::arrived, this, [this] {
        if (!hits_.empty()) {
            emit dataChanged(index(0), index(rowCount() - 1));
        }
    });
}

void ExpertHitModel::setHits(std::vector<ExpertHit> hits) {
    beginResetModel();
    hits_ = std::move(hits);
    endResetModel();
}

int ExpertHitModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(hits_.size());
}

QVariant ExpertHitModel::data(const QModelIndex& index, int role) const {
    const ExpertHit& hit = hits_[static_cast<std::size_t>(index.row())];
    const std::size_t first = hit.token - std::min(hit.token, kAround);
    switch (role) {
    case BeforeRole:
        return readableToken(texts_.joined(first, hit.token - first)).replace(QChar(0x2423), u' ');
    case TokenRole:
        return readableToken(texts_.text(hit.token));
    case AfterRole:
        return readableToken(texts_.joined(hit.token + 1, kAround)).replace(QChar(0x2423), u' ');
    case FiguresRole:
        return tr("%1  L%2  %3")
            .arg(grouped(static_cast<qint64>(hit.token)))
            .arg(hit.layer)
            .arg(QLocale().toString(hit.weight, 'f', 2));
    case Qt::DisplayRole:
    case Qt::AccessibleTextRole:
        return tr("token %1 %2, layer %3, weight %4: %5")
            .arg(grouped(static_cast<qint64>(hit.token)), readableToken(texts_.text(hit.token)))
            .arg(hit.layer)
            .arg(QLocale().toString(hit.weight, 'f', 2), texts_.joined(first, hit.token - first + 1 + kAround));
    case Qt::ToolTipRole:
        return hit.layers > 1 ? tr("chosen in %1 layers").arg(hit.layers) : QVariant();
    default:
        return {};
    }
}

ExpertReader::ExpertReader(ThemeManager& themes, CapturedTexts& texts, QWidget* parent)
    : QWidget(parent),
      themes_(themes),
      texts_(texts),
      title_(new QLabel),
      list_(new QListView),
      model_(new ExpertHitModel(texts, this)) {
    title_->setProperty("tone", "strong");
    title_->setTextFormat(Qt::PlainText);
    const auto [segments, group] = makeSegments({tr("Strongest"), tr("In order")}, tr("Order of the tokens"));
    order_ = group;
    auto* close = new QToolButton;
    close->setIcon(themes.icon(QStringLiteral("close")));
    close->setAutoRaise(true);
    close->setToolTip(tr("All experts (Esc)"));
    close->setAccessibleName(tr("All experts"));
    list_->setModel(model_);
    list_->setItemDelegate(new HitDelegate(themes, list_));
    list_->setUniformItemSizes(true);
    list_->setAccessibleName(tr("Text that the expert handled"));
    list_->setSelectionMode(QAbstractItemView::ExtendedSelection);
    list_->setContextMenuPolicy(Qt::ActionsContextMenu);
    auto* copy = new QAction(tr("Copy"), list_);
    copy->setShortcut(QKeySequence::Copy);
    copy->setShortcutContext(Qt::WidgetShortcut);
    list_->addAction(copy);
    auto* bar = new QHBoxLayout;
    bar->addWidget(title_, 1);
    bar->addWidget(segments);
    bar->addWidget(close);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(8, 4, 6, 6);
    column->setSpacing(4);
    column->addLayout(bar);
    column->addWidget(list_, 1);
    connect(order_, &QButtonGroup::idClicked, this, &ExpertReader::showHits);
    connect(close, &QToolButton::clicked, this, &ExpertReader::closed);
    connect(copy, &QAction::triggered, this, [this] { QApplication::clipboard()->setText(hitsAsText()); });
    const auto choose = [this](const QModelIndex& index) {
        emit tokenChosen(model_->hits()[static_cast<std::size_t>(index.row())].token);
    };
    connect(list_, &QListView::clicked, this, choose);
    connect(list_, &QListView::activated, this, choose);
}

void ExpertReader::setSource(InspectionSource* source) {
    source_ = source;
    setExpert({}, {});
}

void ExpertReader::setExpert(std::optional<int> expert, std::optional<int> layer) {
    ++question_;
    expert_ = expert;
    layer_ = layer;
    all_.clear();
    found_ = 0;
    next_.reset();
    if (expert && source_ && source_->info().tokens > 0) {
        next_ = source_->info().tokens;
    }
    showHits();
    readOn();
}

void ExpertReader::readOn() {
    if (!next_ || !source_) {
        return;
    }
    const std::size_t last = *next_;
    const std::size_t first = last - std::min(last, kStretch);
    source_->routing(
        first, last - first,
        [self = QPointer(this), mine = question_, first](client::Outcome<capture::RoutingSlice> outcome) {
            if (!self || mine != self->question_) {
                return;
            }
            if (!outcome.ok()) {
                self->next_.reset();
                self->title_->setText(QString::fromUtf8(outcome.error().what()));
                return;
            }
            // The outcome is this call's own: its arrays are shared, not copied.
            const auto whole = std::make_shared<const client::Outcome<capture::RoutingSlice>>(std::move(outcome));
            inBackground(
                self.data(),
                [whole, expert = *self->expert_, layer = self->layer_] {
                    return expertHits(whole->value(), expert, layer);
                },
                [self, mine, first](std::vector<ExpertHit> hits) {
                    if (mine == self->question_) {
                        self->next_ = first > 0 ? std::optional(first) : std::nullopt;
                        self->take(std::move(hits));
                        self->readOn();
                    }
                });
        });
}

void ExpertReader::take(std::vector<ExpertHit> hits) {
    found_ += hits.size();
    all_.insert(all_.end(), hits.begin(), hits.end());
    if (all_.size() > kMostHits) {
        // Of equal ones the later stay: they stand nearer to the answer.
        std::stable_sort(all_.begin(), all_.end(), [](const ExpertHit& a, const ExpertHit& b) {
            return a.weight != b.weight ? a.weight > b.weight : a.token > b.token;
        });
        all_.resize(kMostHits);
    }
    showHits();
}

void ExpertReader::showHits() {
    std::vector<ExpertHit> hits = all_;
    const bool by_weight = order_->checkedId() == 0;
    std::sort(hits.begin(), hits.end(), [by_weight](const ExpertHit& a, const ExpertHit& b) {
        return by_weight && a.weight != b.weight ? a.weight > b.weight : a.token < b.token;
    });
    if (expert_) {
        const QString where = layer_ ? tr("Expert %1 in layer %2").arg(*expert_).arg(*layer_)
                                     : tr("Expert %1 in all layers").arg(*expert_);
        QString count = tr("%1 tokens").arg(grouped(static_cast<qint64>(found_)));
        if (found_ > hits.size()) {
            count += tr(", the strongest %1").arg(grouped(static_cast<qint64>(hits.size())));
        }
        title_->setText(where + QStringLiteral(" · ") + count + (next_ ? tr(" so far") : QString()));
    }
    model_->setHits(std::move(hits));
}

QString ExpertReader::hitsAsText() const {
    QStringList lines;
    const QModelIndexList chosen = list_->selectionModel()->selectedIndexes();
    for (int row = 0; row < model_->rowCount(); ++row) {
        const QModelIndex index = model_->index(row);
        if (chosen.isEmpty() || chosen.contains(index)) {
            lines += index.data(Qt::DisplayRole).toString();
        }
    }
    return lines.join(u'\n');
}

} // namespace fulgurite
