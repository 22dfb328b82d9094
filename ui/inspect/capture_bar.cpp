// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/inspect/capture_bar.h"

#include "ui/base/format.h"
#include "ui/base/theme_manager.h"

#include <QComboBox>
#include <QHBoxLayout>
#include <QLabel>
#include <QLocale>
#include <QProgressBar>
#include <QPushButton>
#include <QStandardItemModel>
#include <QStyle>

namespace fulgurite {

QString costText(const client::CaptureCost& cost) {
    const QString size = bytesText(static_cast<std::int64_t>(cost.bytes));
    return cost.seconds > 0
               ? QCoreApplication::translate("fulgurite", "%1, about %2").arg(size, secondsText(cost.seconds))
               : QCoreApplication::translate("fulgurite", "%1; the engine has not measured its speed yet")
                     .arg(size);
}

CaptureBar::CaptureBar(ThemeManager& themes, QWidget* parent)
    : QWidget(parent),
      text_(new QLabel),
      layers_label_(new QLabel(tr("Attention of"))),
      layers_(new QComboBox),
      progress_(new QProgressBar),
      start_(new QPushButton(tr("Capture"))),
      cancel_(new QPushButton(tr("Cancel"))) {
    setAccessibleName(tr("Taking a capture"));
    auto* around = new QHBoxLayout(this);
    around->setContentsMargins(metrics::kGap, metrics::kGap, metrics::kGap, 0);
    auto* card = new QFrame;
    card->setProperty("surface", "card");
    around->addWidget(card);
    auto* row = new QHBoxLayout(card);
    row->setContentsMargins(12, 6, 8, 6);
    row->setSpacing(10);
    text_->setWordWrap(true);
    row->addWidget(text_, 1);
    layers_label_->setProperty("tone", "muted");
    row->addWidget(layers_label_);
    layers_->addItems({tr("all layers"), tr("softmax layers"), tr("ticked heads"), tr("no layer")});
    layers_->setAccessibleName(tr("Layers or heads whose attention is recorded"));
    layers_->setToolTip(
        tr("Queries, keys and values of every token: most of the file. Rows and maps exist for these heads;\n"
           "figures of all heads, routing and lens are recorded in any case."));
    row->addWidget(layers_);
    progress_->setFixedWidth(themes.scaled(220));
    progress_->setTextVisible(false);
    progress_->setAccessibleName(tr("Tokens replayed"));
    row->addWidget(progress_);
    start_->setProperty("kind", "accent");
    row->addWidget(start_);
    row->addWidget(cancel_);
    setTicked(0);
    connect(layers_, &QComboBox::currentIndexChanged, this, &CaptureBar::layersChanged);
    connect(start_, &QPushButton::clicked, this, &CaptureBar::startWanted);
    connect(cancel_, &QPushButton::clicked, this, &CaptureBar::cancelWanted);
    hide();
}

void CaptureBar::showPlanning(const QString& title) {
    text_->setText(tr("<b>%1</b>: asking the engine what a capture would cost…").arg(title.toHtmlEscaped()));
    progress_->hide();
    layers_label_->show();
    layers_->show();
    start_->show();
    start_->setEnabled(false);
    cancel_->setText(tr("Cancel"));
    show();
}

void CaptureBar::showCost(const QString& title, const client::CaptureCost& cost) {
    showPlanning(title);
    const bool refused = !cost.refusal.empty();
    const QString words =
        refused ? QString::fromStdString(cost.refusal)
                : costText(cost) + tr(", %1 free").arg(bytesText(static_cast<std::int64_t>(cost.free_bytes)));
    text_->setText(QStringLiteral("<b>%1</b>: %2").arg(title.toHtmlEscaped(), words.toHtmlEscaped()));
    start_->setEnabled(!refused);
    start_->setToolTip(refused ? tr("Choose fewer layers or heads")
                               : tr("Replays the text through the model and records it"));
    if (!refused) {
        start_->setFocus();
    }
}

void CaptureBar::showStarting(const QString& title, const QString& cost) {
    showProgress(0, 0, 0);
    text_->setText(tr("Capturing <b>%1</b>: %2").arg(title.toHtmlEscaped(), cost.toHtmlEscaped()));
}

void CaptureBar::showProgress(std::size_t done, std::size_t total, double seconds) {
    QString words = tr("Capturing: %1 of %2 tokens")
                        .arg(grouped(static_cast<std::int64_t>(done)), grouped(static_cast<std::int64_t>(total)));
    if (done > 0 && seconds > 0.5) {
        const double rate = static_cast<double>(done) / seconds;
        words += tr(" · %1 tokens/s · %2 left")
                     .arg(QLocale().toString(rate, 'f', 0),
                          secondsText(static_cast<double>(total - std::min(done, total)) / rate));
    }
    text_->setText(words);
    layers_label_->hide();
    layers_->hide();
    start_->hide();
    progress_->setRange(0, static_cast<int>(total));
    progress_->setValue(static_cast<int>(done));
    progress_->show();
    cancel_->setText(tr("Cancel"));
    show();
}

void CaptureBar::showProblem(const QString& message) {
    text_->setText(message);
    progress_->hide();
    layers_->hide();
    layers_label_->hide();
    start_->hide();
    cancel_->setText(tr("Dismiss"));
    show();
}

void CaptureBar::setTicked(std::size_t count) {
    const int item = static_cast<int>(Layers::Ticked);
    layers_->setItemText(item, count == 0   ? tr("ticked heads")
                               : count == 1 ? tr("the ticked head")
                                            : tr("%1 ticked heads").arg(count));
    qobject_cast<QStandardItemModel*>(layers_->model())->item(item)->setEnabled(count > 0);
    if (layers_->currentIndex() == item && count == 0) {
        layers_->setCurrentIndex(static_cast<int>(Layers::All));
    } else if (layers_->currentIndex() == item) {
        emit layersChanged();
    }
}

CaptureBar::Layers CaptureBar::layers() const {
    return static_cast<Layers>(layers_->currentIndex());
}

QString CaptureBar::text() const {
    return text_->text();
}

} // namespace fulgurite
