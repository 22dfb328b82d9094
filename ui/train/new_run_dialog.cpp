// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/train/new_run_dialog.h"

#include "ui/base/theme_manager.h"
#include "ui/nodes/node_book.h"
#include "ui/train/train_jobs.h"

#include <QComboBox>
#include <QDialogButtonBox>
#include <QFile>
#include <QFormLayout>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QLabel>
#include <QLineEdit>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QTemporaryDir>
#include <QVBoxLayout>

#include <algorithm>

namespace fulgurite {
namespace {

// What there is to fill in; docs/user/training.md has every field.
// `model` empty: the one that the node serves.
QJsonObject configOf(const QString& method, const QString& model) {
    QJsonObject config{{"seed", 1}, {"threads", 1}};
    if (!model.isEmpty()) {
        config["model"] = model;
    }
    if (method == QLatin1String("rl")) {
        config["tasks"] = QJsonArray{QJsonObject{{"task", "addition"}, {"min_digits", 2}, {"max_digits", 2}}};
        config["objective"] = QJsonObject{{"loss", "cispo"}, {"cap", 5.0}};
        config["batches"] = 20;
        config["prompts"] = 8;
        config["group"] = 8;
        config["updates"] = 4;
        config["learning_rate"] = QJsonObject{{"peak", 1e-5}};
        config["rollout"] = QJsonObject{{"max_tokens", 64}};
        config["rollouts"] = QJsonObject{{"every", 1}, {"groups", 2}};
    } else {
        config["data"] = QJsonArray{method == QLatin1String("sft") ? "conversations.jsonl" : "text.txt"};
        config["steps"] = 100;
        config["batch"] = 4;
        config["sequence"] = 256;
        config["learning_rate"] = QJsonObject{{"peak", 1e-4}, {"warmup", 10}};
    }
    return config;
}

} // namespace

NewRunDialog::NewRunDialog(ThemeManager& themes, TrainJobs& jobs, const QString& program, const QString& model,
                           QWidget* parent)
    : QDialog(parent),
      jobs_(jobs),
      program_(program),
      model_(model),
      method_(new QComboBox),
      place_(new QComboBox),
      name_(new QLineEdit),
      config_(new QPlainTextEdit),
      output_(new QPlainTextEdit) {
    setWindowTitle(tr("New run"));
    resize(themes.scaled(620), themes.scaled(640));
    auto* column = new QVBoxLayout(this);
    auto* form = new QFormLayout;
    method_->addItem(tr("Reinforcement learning"), QStringLiteral("rl"));
    method_->addItem(tr("Supervised tuning"), QStringLiteral("sft"));
    method_->addItem(tr("Pretraining"), QStringLiteral("pretrain"));
    method_->setAccessibleName(tr("Method"));
    name_->setPlaceholderText(tr("Name of the run"));
    name_->setAccessibleName(tr("Name of the run"));
    place_->setAccessibleName(tr("Where it runs"));
    form->addRow(tr("On"), place_);
    form->addRow(tr("Method"), method_);
    form->addRow(tr("Name"), name_);
    column->addLayout(form);
    config_->setAccessibleName(tr("Configuration"));
    config_->setFont(themes.codeFont(12));
    config_->setTabChangesFocus(true);
    column->addWidget(config_, 3);
    output_->setAccessibleName(tr("What the engine says"));
    output_->setPlaceholderText(
        tr("A dry run tells memory, tokens per second and the time to finish. It writes nothing."));
    output_->setFont(themes.codeFont(11.5));
    output_->setReadOnly(true);
    column->addWidget(output_, 2);
    auto* buttons = new QDialogButtonBox(QDialogButtonBox::Cancel);
    dry_ = buttons->addButton(tr("Dry run"), QDialogButtonBox::ActionRole);
    start_ = buttons->addButton(tr("Start"), QDialogButtonBox::ActionRole);
    start_->setProperty("kind", "accent");
    column->addWidget(buttons);
    connect(buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
    connect(dry_, &QPushButton::clicked, this, &NewRunDialog::dryRun);
    connect(start_, &QPushButton::clicked, this, &NewRunDialog::startRun);
    connect(method_, &QComboBox::currentIndexChanged, this, &NewRunDialog::offerConfig);
    connect(place_, &QComboBox::currentIndexChanged, this, &NewRunDialog::followPlace);
    connect(&jobs_, &TrainJobs::changed, this, &NewRunDialog::followPlaces);
    connect(&jobs_, &TrainJobs::failed, this, [this](const QString& message) {
        output_->setPlainText(message);
        start_->setEnabled(true);
    });
    connect(&jobs_, &TrainJobs::started, this, &QDialog::accept);
    followPlaces();
    followPlace();
}

NewRunDialog::~NewRunDialog() {
    if (process_) {
        process_->disconnect(this);
        process_->kill();
        process_->waitForFinished(1000);
    }
}

QString NewRunDialog::node() const {
    return place_->currentData().toString();
}

// Nodes come and go while the dialog is open; what was chosen stays as long as it is there.
void NewRunDialog::followPlaces() {
    const std::vector<JobPlace> places = jobs_.places();
    bool same = static_cast<std::size_t>(place_->count()) == places.size();
    for (int i = 0; same && i < place_->count(); ++i) {
        same = place_->itemData(i).toString() == places[static_cast<std::size_t>(i)].node;
    }
    if (same) {
        return;
    }
    const QString chosen = node();
    {
        const QSignalBlocker quiet(place_);
        place_->clear();
        for (const JobPlace& place : places) {
            place_->addItem(place.name, place.node);
        }
        place_->setCurrentIndex(std::max(0, place_->findData(chosen)));
    }
    if (node() != chosen) {
        followPlace();
    }
}

// What a dry run measures is this computer.
void NewRunDialog::followPlace() {
    const bool local = node() == kLocalNode;
    dry_->setEnabled(local);
    dry_->setToolTip(local ? QString() : tr("Measures this computer, not %1").arg(place_->currentText()));
    start_->setEnabled(place_->count() > 0);
    offerConfig();
}

// What a person has written stays.
void NewRunDialog::offerConfig() {
    if (config_->toPlainText() != offered_) {
        return;
    }
    const QJsonObject config =
        configOf(method_->currentData().toString(), node() == kLocalNode ? model_ : QString());
    offered_ = QString::fromUtf8(QJsonDocument(config).toJson());
    config_->setPlainText(offered_);
    offered_ = config_->toPlainText();
}

void NewRunDialog::dryRun() {
    folder_ = std::make_unique<QTemporaryDir>();
    const QString path = folder_->filePath(QStringLiteral("config.json"));
    QString problem;
    const std::optional<QJsonObject> parsed = readTrainConfig(config_->toPlainText(), problem);
    if (!parsed) {
        output_->setPlainText(problem);
        return;
    }
    QJsonObject config = *parsed;
    if (!config.contains(QStringLiteral("out"))) {
        config["out"] = QStringLiteral("run");
    }
    QFile file(path);
    if (!file.open(QIODevice::WriteOnly) || file.write(QJsonDocument(config).toJson()) < 0) {
        output_->setPlainText(file.errorString());
        return;
    }
    file.close();
    process_ = std::make_unique<QProcess>();
    process_->setProcessChannelMode(QProcess::MergedChannels);
    connect(process_.get(), &QProcess::finished, this, [this] {
        output_->setPlainText(QString::fromUtf8(process_->readAll()).trimmed());
        dry_->setEnabled(true);
    });
    connect(process_.get(), &QProcess::errorOccurred, this, [this] {
        output_->setPlainText(tr("The engine could not be started: %1").arg(process_->errorString()));
        dry_->setEnabled(true);
    });
    dry_->setEnabled(false);
    output_->setPlainText(tr("Measuring…"));
    process_->start(
        program_, {QStringLiteral("train"), method_->currentData().toString(), path, QStringLiteral("--dry-run")});
}

void NewRunDialog::startRun() {
    start_->setEnabled(false);
    const QString name = name_->text().trimmed();
    jobs_.start(node(), method_->currentData().toString(), name.isEmpty() ? method_->currentText() : name,
                config_->toPlainText());
}

} // namespace fulgurite
