// SPDX-License-Identifier: GPL-3.0-or-later
// The model's panel on the first view.
#include "ui/start/model_panel.h"

#include "ui/base/theme_manager.h"

#include <QDesktopServices>
#include <QHBoxLayout>
#include <QLabel>
#include <QLocale>
#include <QPainter>
#include <QPushButton>
#include <QUrl>
#include <QVBoxLayout>

namespace fulgurite {
namespace {

constexpr int kMaxBadges = 16; // more layers than this are told by the text alone
constexpr int kScores = 3;

// Square = lightning, round = softmax: shape as well as colour.
class LayerBadges : public QWidget {
  public:
    LayerBadges(ThemeManager& themes, QWidget* parent) : QWidget(parent), themes_(themes) {
        setAttribute(Qt::WA_TransparentForMouseEvents);
        connect(&themes, &ThemeManager::changed, this, qOverload<>(&QWidget::update));
    }
    void setLayers(const QList<bool>& softmax) {
        softmax_ = softmax;
        setFixedSize(static_cast<int>(softmax.size()) * 16, 14);
        update();
    }

  protected:
    void paintEvent(QPaintEvent*) override {
        QPainter painter(this);
        painter.setRenderHint(QPainter::Antialiasing);
        painter.setPen(Qt::NoPen);
        for (qsizetype i = 0; i < softmax_.size(); ++i) {
            const QRectF box(static_cast<double>(i) * 16, 1, 12, 12);
            painter.setBrush(themes_.color(softmax_[i] ? Role::Softmax : Role::Lightning));
            painter.drawRoundedRect(box, softmax_[i] ? 6 : 2, softmax_[i] ? 6 : 2);
        }
    }

  private:
    ThemeManager& themes_;
    QList<bool> softmax_;
};

class ScoreBar : public QWidget {
  public:
    ScoreBar(ThemeManager& themes, double share, QWidget* parent = nullptr)
        : QWidget(parent), themes_(themes), share_(share) {
        setMinimumSize(80, 8);
        setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
        connect(&themes, &ThemeManager::changed, this, qOverload<>(&QWidget::update));
    }

  protected:
    void paintEvent(QPaintEvent*) override {
        QPainter painter(this);
        painter.setRenderHint(QPainter::Antialiasing);
        painter.setPen(Qt::NoPen);
        QRectF bar(0, height() / 2.0 - 2, width(), 4);
        painter.setBrush(themes_.color(Role::Line));
        painter.drawRoundedRect(bar, 2, 2);
        bar.setWidth(bar.width() * share_);
        painter.setBrush(themes_.color(Role::Good));
        painter.drawRoundedRect(bar, 2, 2);
    }

  private:
    ThemeManager& themes_;
    double share_;
};

QLabel* smallLabel(const QString& text = {}) {
    auto* label = new QLabel(text);
    label->setProperty("tone", "small");
    return label;
}

QString countText(qint64 count) {
    if (count >= 1'000'000'000)
        return QStringLiteral("%1 billion").arg(static_cast<double>(count) / 1e9, 0, 'f', 1);
    return QStringLiteral("%1 million").arg(static_cast<double>(count) / 1e6, 0, 'f', 1);
}

} // namespace

ModelPanel::ModelPanel(ThemeManager& themes, QWidget* parent) : QFrame(parent), themes_(themes) {
    setProperty("surface", "card");
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(13, 10, 13, 9);
    column->setSpacing(5);
    auto* top = new QHBoxLayout;
    flame_ = new QLabel;
    auto paint_flame = [this] {
        flame_->setPixmap(themes_.icon(QStringLiteral("flame"), Role::Softmax).pixmap(18, 18));
    };
    connect(&themes, &ThemeManager::changed, this, paint_flame);
    paint_flame();
    name_ = new QLabel;
    name_->setProperty("tone", "title");
    origin_ = smallLabel();
    top->addWidget(flame_);
    top->addWidget(name_);
    top->addWidget(origin_, 1, Qt::AlignBottom);
    column->addLayout(top);
    summary_ = new QLabel;
    summary_->setWordWrap(true);
    summary_->setTextFormat(Qt::RichText);
    column->addWidget(summary_);
    auto* row = new QHBoxLayout;
    layers_ = new LayerBadges(themes, this);
    layers_text_ = smallLabel();
    layers_text_->setWordWrap(true);
    row->addWidget(layers_);
    row->addSpacing(4);
    row->addWidget(layers_text_, 1);
    column->addLayout(row);
    scores_ = new QVBoxLayout;
    scores_->setSpacing(3);
    column->addLayout(scores_);
    column->addStretch(1);
    auto* foot = new QHBoxLayout;
    limits_ = smallLabel();
    limits_->setWordWrap(true);
    card_ = new QPushButton(QStringLiteral("Model card"));
    card_->setProperty("kind", "link");
    card_->setAccessibleName(QStringLiteral("Open the model card"));
    connect(card_, &QPushButton::clicked, this,
            [this] { QDesktopServices::openUrl(QUrl::fromLocalFile(card_path_)); });
    foot->addWidget(limits_, 1);
    foot->addWidget(card_);
    column->addLayout(foot);
}

void ModelPanel::show(const ModelFacts& facts, bool included) {
    name_->setText(facts.name);
    setAccessibleName(QStringLiteral("Model %1").arg(facts.name));
    flame_->setVisible(included);
    origin_->setText(included ? QStringLiteral("comes with the program, runs on any CPU")
                              : QStringLiteral("opened from %1").arg(facts.folder));
    const QString accent = themes_.color(Role::Accent).name();
    summary_->setText(included ? QStringLiteral("%1 parameters: arithmetic, sorting, recall, short English; "
                                                "<b style=\"color:%2\">not a general assistant</b>.")
                                     .arg(countText(facts.parameters), accent)
                               : QStringLiteral("%1 parameters").arg(countText(facts.parameters)));
    const int softmax = facts.softmaxLayers();
    static_cast<LayerBadges*>(layers_)->setLayers(facts.softmax.size() <= kMaxBadges ? facts.softmax
                                                                                     : QList<bool>());
    layers_->setVisible(facts.softmax.size() <= kMaxBadges);
    layers_text_->setText(QStringLiteral("%1 lightning + %2 softmax, %3 experts, %4 per token, %5 MiB")
                              .arg(facts.softmax.size() - softmax)
                              .arg(softmax)
                              .arg(facts.experts)
                              .arg(facts.experts_per_token)
                              .arg(static_cast<double>(facts.bytes) / (1 << 20), 0, 'f', 0));
    while (QLayoutItem* item = scores_->takeAt(0)) {
        delete item->widget();
        delete item;
    }
    for (const ModelScore& score : headlineScores(facts.scores, kScores)) {
        auto* line = new QWidget;
        auto* row = new QHBoxLayout(line);
        row->setContentsMargins(0, 0, 0, 0);
        auto* task = smallLabel(score.task.section(QStringLiteral(" ("), 0, 0));
        task->setMinimumWidth(themes_.scaled(160));
        const QString share = QLocale::c().toString(score.share() * 100, 'f', 1) + QStringLiteral(" %");
        auto* value = new QLabel(share);
        value->setMinimumWidth(themes_.scaled(52));
        value->setAlignment(Qt::AlignRight | Qt::AlignVCenter);
        row->addWidget(task);
        row->addWidget(new ScoreBar(themes_, score.share()), 1);
        row->addWidget(value);
        line->setToolTip(QStringLiteral("%1 of %2 held-out problems right").arg(score.correct).arg(score.count));
        line->setAccessibleName(QStringLiteral("%1: %2").arg(score.task, share));
        scores_->addWidget(line);
    }
    limits_->setText(included ? QStringLiteral("It makes mistakes, knows few facts, writes no code; English only.")
                              : QString());
    card_path_ = facts.card;
    card_->setVisible(!facts.card.isEmpty());
}

} // namespace fulgurite
