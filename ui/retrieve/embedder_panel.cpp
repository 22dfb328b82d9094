// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/retrieve/embedder_panel.h"

#include "ui/base/theme_manager.h"
#include "ui/retrieve/layer_strip.h"

#include <QComboBox>
#include <QFormLayout>
#include <QLabel>
#include <QSignalBlocker>
#include <QVBoxLayout>

#include <algorithm>

namespace fulgurite {

QString placeTitle(const std::string& place) {
    return place == "projection" ? EmbedderPanel::tr("after norm and gate")
           : place == "core"     ? EmbedderPanel::tr("before norm and gate")
                                 : QString::fromStdString(place);
}

EmbedderPanel::EmbedderPanel(ThemeManager& themes, QWidget* parent)
    : QWidget(parent),
      model_(new QLabel),
      layer_(new QLabel),
      strip_(new LayerStrip(themes)),
      kinds_(new QLabel),
      places_(new QComboBox) {
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(10, 6, 10, 8);
    column->setSpacing(3);
    auto* form = new QFormLayout;
    form->setContentsMargins(0, 0, 0, 0);
    form->setVerticalSpacing(4);
    model_->setTextFormat(Qt::PlainText);
    form->addRow(tr("Model"), model_);
    form->addRow(tr("Layer"), layer_);
    kinds_->setProperty("tone", "small");
    places_->setAccessibleName(tr("Where heads are taken"));
    places_->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
    auto* take = new QFormLayout;
    take->addRow(tr("Take"), places_);
    column->addLayout(form);
    column->addWidget(strip_);
    column->addWidget(kinds_);
    column->addLayout(take);
    connect(strip_, &LayerStrip::chosen, this,
            [this](int layer) { choose(layer, places_->currentData().toString()); });
    connect(places_, &QComboBox::currentIndexChanged, this,
            [this] { choose(place_.layer, places_->currentData().toString()); });
    setCollection(nullptr, {});
}

void EmbedderPanel::setCollection(const client::Collection* collection, const client::HeadPlace& place) {
    setEnabled(collection != nullptr);
    stored_ = collection == nullptr ? std::vector<client::HeadPlace>() : collection->stored;
    place_ = place;
    const client::EmbedderInfo embedder = collection == nullptr ? client::EmbedderInfo() : collection->embedder;
    model_->setText(collection == nullptr ? QStringLiteral("–")
                                          : tr("%1, %2 × %3")
                                                .arg(QString::fromStdString(embedder.name))
                                                .arg(embedder.heads)
                                                .arg(embedder.head_width));
    std::vector<int> layers;
    for (const client::HeadPlace& each : stored_) {
        layers.push_back(each.layer);
    }
    strip_->setLayers(embedder.layer_kinds, layers);
    strip_->setLayer(collection == nullptr ? -1 : place.layer);
    const auto at = static_cast<std::size_t>(place.layer);
    const QString kind =
        at < embedder.layer_kinds.size() ? QString::fromStdString(embedder.layer_kinds[at]) : QString();
    layer_->setText(collection == nullptr ? QStringLiteral("–")
                    : kind.isEmpty()      ? QString::number(place.layer)
                                          : tr("%1, %2").arg(place.layer).arg(kind));
    const auto count = [&embedder](const char* name) {
        return std::count(embedder.layer_kinds.begin(), embedder.layer_kinds.end(), name);
    };
    kinds_->setText(count("lightning") > 0
                        ? tr("%1 lightning, %2 softmax").arg(count("lightning")).arg(count("softmax"))
                        : tr("%1 layers").arg(embedder.layer_kinds.size()));
    const QSignalBlocker quiet(places_);
    places_->clear();
    for (const client::HeadPlace& each : stored_) {
        if (each.layer == place.layer) {
            places_->addItem(placeTitle(each.place), QString::fromStdString(each.place));
        }
    }
    places_->setCurrentIndex(places_->findData(QString::fromStdString(place.place)));
    places_->setEnabled(places_->count() > 1);
}

// The stored vectors of that layer, at that place where there are some.
void EmbedderPanel::choose(int layer, const QString& place) {
    const client::HeadPlace* found = nullptr;
    for (const client::HeadPlace& each : stored_) {
        if (each.layer == layer && (found == nullptr || each.place == place.toStdString())) {
            found = &each;
        }
    }
    if (found != nullptr) {
        emit placeChosen(*found);
    }
}

} // namespace fulgurite
