// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/retrieve/collection_dialog.h"

#include "ui/base/format.h"
#include "ui/retrieve/embedder_panel.h"

#include <QComboBox>
#include <QDialogButtonBox>
#include <QFormLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QVBoxLayout>

#include <algorithm>

namespace fulgurite {

CollectionDialog::CollectionDialog(const QString& name, QWidget* parent)
    : QDialog(parent),
      name_(new QLineEdit(name)),
      embedder_(new QComboBox),
      layers_(new QComboBox),
      place_(new QComboBox),
      dtype_(new QComboBox),
      note_(new QLabel),
      buttons_(new QDialogButtonBox(QDialogButtonBox::Ok | QDialogButtonBox::Cancel)) {
    setWindowTitle(tr("New collection"));
    layers_->addItem(tr("the last layer"), false);
    layers_->addItem(tr("every layer"), true);
    for (const char* place : {"projection", "core"}) {
        place_->addItem(placeTitle(place), QLatin1String(place));
    }
    dtype_->addItem(tr("float32"), QStringLiteral("f32"));
    dtype_->addItem(tr("float16, half the size"), QStringLiteral("f16"));
    dtype_->addItem(tr("int8, a quarter"), QStringLiteral("int8"));
    note_->setProperty("tone", "small");
    note_->setWordWrap(true);
    auto* form = new QFormLayout;
    form->addRow(tr("&Name"), name_);
    form->addRow(tr("&Embedder"), embedder_);
    form->addRow(tr("Heads of"), layers_);
    form->addRow(tr("Take"), place_);
    form->addRow(tr("Stored as"), dtype_);
    auto* column = new QVBoxLayout(this);
    column->addLayout(form);
    column->addWidget(note_);
    column->addWidget(buttons_);
    connect(buttons_, &QDialogButtonBox::accepted, this, &QDialog::accept);
    connect(buttons_, &QDialogButtonBox::rejected, this, &QDialog::reject);
    connect(name_, &QLineEdit::textChanged, this, &CollectionDialog::describe);
    for (QComboBox* box : {embedder_, layers_, place_, dtype_}) {
        connect(box, &QComboBox::currentIndexChanged, this, &CollectionDialog::describe);
    }
    describe();
}

void CollectionDialog::setEmbedders(const std::vector<client::EmbedderInfo>& embedders) {
    embedders_ = embedders;
    embedder_->clear();
    for (const client::EmbedderInfo& each : embedders_) {
        embedder_->addItem(QString::fromStdString(each.name), QString::fromStdString(each.id));
    }
    describe();
}

const client::EmbedderInfo* CollectionDialog::embedder() const {
    const int index = embedder_->currentIndex();
    return index >= 0 && index < static_cast<int>(embedders_.size()) ? &embedders_[static_cast<std::size_t>(index)]
                                                                     : nullptr;
}

void CollectionDialog::describe() {
    const client::EmbedderInfo* chosen = embedder();
    QString problem = name_->text().trimmed().isEmpty() ? tr("A collection needs a name.") : QString();
    if (chosen == nullptr) {
        problem = tr("Asking the engine which embedders it has…");
    } else if (!chosen->problem.empty()) {
        problem = QString::fromStdString(chosen->problem);
    }
    buttons_->button(QDialogButtonBox::Ok)->setEnabled(problem.isEmpty());
    if (!problem.isEmpty()) {
        note_->setText(problem);
        return;
    }
    const bool lightning =
        std::find(chosen->layer_kinds.begin(), chosen->layer_kinds.end(), "lightning") != chosen->layer_kinds.end();
    place_->setEnabled(lightning);
    const auto layers = layers_->currentData().toBool() ? chosen->layer_kinds.size() : std::size_t{1};
    const QString dtype = dtype_->currentData().toString();
    const std::size_t width = dtype == QStringLiteral("f32") ? 4 : dtype == QStringLiteral("f16") ? 2 : 1;
    const auto bytes =
        static_cast<qint64>(chosen->standard_width * 4 + layers * chosen->heads * chosen->head_width * width);
    note_->setText(tr("%1 heads of %2 in each layer; %3 of vectors for each chunk of text.")
                       .arg(chosen->heads)
                       .arg(chosen->head_width)
                       .arg(bytesText(bytes)));
}

client::NewCollection CollectionDialog::wanted() const {
    client::NewCollection wanted;
    wanted.name = name_->text().trimmed().toStdString();
    const client::EmbedderInfo* chosen = embedder();
    if (chosen == nullptr) {
        return wanted;
    }
    wanted.embedder = chosen->id;
    const int layers = static_cast<int>(chosen->layer_kinds.size());
    const std::string place = place_->isEnabled() ? place_->currentData().toString().toStdString() : "projection";
    for (int layer = layers_->currentData().toBool() ? 0 : layers - 1; layer < layers; ++layer) {
        wanted.stored.push_back({layer, place, dtype_->currentData().toString().toStdString()});
    }
    std::reverse(wanted.stored.begin(), wanted.stored.end()); // the last layer is what searches begin with
    return wanted;
}

} // namespace fulgurite
