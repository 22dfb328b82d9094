// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/cascade/scan_strip.h"

#include "ui/base/format.h"
#include "ui/cascade/cascade_search.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QLocale>
#include <QProgressBar>
#include <QPushButton>

namespace fulgurite {

ScanStrip::ScanStrip(CascadeSearch& search, QWidget* parent) : QFrame(parent), search_(search) {
    setProperty("surface", "notice");
    text_ = new QLabel;
    bar_ = new QProgressBar;
    bar_->setTextVisible(false);
    bar_->setFixedWidth(160);
    bar_->setAccessibleName(tr("Images read"));
    pause_ = new QPushButton;
    cancel_ = new QPushButton(tr("Cancel"));
    cancel_->setToolTip(tr("What was read stays; reading again goes on from there"));
    again_ = new QPushButton(tr("Look again"));
    text_->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(12, 4, 12, 4);
    row->addWidget(text_, 1);
    row->addWidget(bar_);
    row->addStretch(1);
    row->addWidget(pause_);
    row->addWidget(cancel_);
    row->addWidget(again_);
    connect(again_, &QPushButton::clicked, this, [this] { search_.scan("start"); });
    connect(pause_, &QPushButton::clicked, this, [this] {
        if (search_.library() && search_.library()->scan)
            search_.scan(search_.library()->scan->state == "paused" ? "resume" : "pause");
    });
    connect(cancel_, &QPushButton::clicked, this, [this] { search_.scan("cancel"); });
    connect(&search_, &CascadeSearch::librariesChanged, this, &ScanStrip::follow);
    connect(&search_, &CascadeSearch::libraryChanged, this, &ScanStrip::follow);
    follow();
}

void ScanStrip::follow() {
    const client::ImageLibrary* library = search_.library();
    const bool reading = library && library->scan;
    setVisible(reading || (library && !library->message.empty()));
    for (QWidget* each : std::initializer_list<QWidget*>{bar_, pause_, cancel_})
        each->setVisible(reading);
    again_->setVisible(!reading);
    text_->setWordWrap(!reading);
    if (!reading) {
        text_->setText(library ? QString::fromStdString(library->message) : QString());
        return;
    }
    const client::LibraryScan& scan = *library->scan;
    const bool paused = scan.state == "paused";
    QString text = tr("Reading %1: %2 of %3 images")
                       .arg(QString::fromStdString(library->name), grouped(static_cast<qint64>(scan.done)),
                            grouped(static_cast<qint64>(scan.total)));
    if (paused)
        text += tr(" · paused");
    else if (scan.rate > 0)
        text += tr(" · %1 a second").arg(QLocale().toString(scan.rate, 'f', 0));
    if (!paused && scan.seconds_left > 0)
        text += tr(" · %1 left").arg(secondsText(scan.seconds_left));
    text_->setText(text);
    bar_->setRange(0, static_cast<int>(std::max<std::size_t>(scan.total, 1)));
    bar_->setValue(static_cast<int>(scan.done));
    pause_->setText(paused ? tr("Go on") : tr("Pause"));
}

} // namespace fulgurite
